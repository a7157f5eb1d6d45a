# The lab's own certificate authority, registry mirror and apt repository (tests/lab/).
from pathlib import Path

caddy_email = "ops@lab.test"
acme_directory = "https://ca.lab.test/acme/local/directory"
acme_root = str(Path(".lab/ca-root.pem").resolve())
registry_mirrors = ["http://registry.lab.test:5000"]
docker_apt_url = "http://download.lab.test"
_fingerprint = Path(".lab/docker-apt.fingerprint")
docker_apt_fingerprint = _fingerprint.read_text().strip() if _fingerprint.exists() else "0" * 40
_mtu = Path(".lab/mtu")
docker_mtu = int(_mtu.read_text()) if _mtu.exists() else None
# Nested engines must not take the networks of the engine around them.
docker_address_pools = [{"base": "10.201.0.0/16", "size": 24}]
