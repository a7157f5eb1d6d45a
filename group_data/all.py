# Settings of every host; `borgstack/settings.py` lists them all. A group's file overrides these.
ssh_user = "root"
