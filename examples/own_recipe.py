"""A recipe of your own, headfreeze with a third phase in which all weights are free: `python examples/own_recipe.py`.

Its data: `headfreeze synth rooms rooms --size 48`.
"""

from headfreeze import RECIPES, Architecture, Pair, Phase, Recipe, Training, evaluate, fit

SEEN = RECIPES["mtl-both"].phases[0].supervision  # both tasks on the source, the anchor on the target

thawed = Recipe(
    name="headfreeze-thawed",
    phases=(
        Phase(frozenset({("source", "main"), ("source", "anchor")})),  # the same first phase: trained once for both
        Phase(SEEN, freeze_head=True),
        Phase(SEEN),
    ),
    about="headfreeze, then mtl-both",
)

if __name__ == "__main__":
    pair = Pair("rooms/source", "rooms/target", main="normals", anchor="segmentation", size=48)
    tiny, training = Architecture("tiny"), Training(steps=400, batch_size=24)
    fit(thawed, pair, "runs/own-recipe", architecture=tiny, training=training)
    print(evaluate("runs/own-recipe", "rooms/target").metrics["normals"])
