"""Settings of a recipe, looked for without labels of the main task on the target."""
