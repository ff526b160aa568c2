"""Which of many trained runs to use, found without labels of the main task on the target."""
