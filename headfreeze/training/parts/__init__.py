"""What a recipe can have beside its phases (`headfreeze.recipes.PARTS`): one file each, with its paper."""
