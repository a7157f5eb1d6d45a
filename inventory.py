"""The hosts, by group. Settings of a group stand in group_data/, those of a single host here."""

import json
from pathlib import Path

# The lab's hosts, while `make lab-up` has them running.
_file = Path(".lab/hosts.json")
_hosts = json.loads(_file.read_text()) if _file.exists() else {}
lab = [
    (name, {"connect_to" if key == "address" else key: value for key, value in data.items()})
    for name, data in _hosts.items()
]

# A host is a name that ssh knows, with what is special about it:
#   ("chat.example.com", {"domain": "example.com", "caddy_email": "ops@example.com"})
staging: list[tuple[str, dict[str, object]]] = []

# Production is reached only by `--limit prod` or by a host's name, never by a bare run.
prod: list[tuple[str, dict[str, object]]] = []
