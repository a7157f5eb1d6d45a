"""The deploy's steps, one file each: what has to be; borgstack/operations says how."""
