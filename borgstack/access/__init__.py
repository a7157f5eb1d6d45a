"""Whether a login over SSH can succeed, judged from what this machine has for it.

`look.py` looks, with `config.py` and `keys.py`; `judge.py` judges what it has seen (`evidence.py`).
No host is asked, so a key that the server does not know, or another host key than the known one, is
not found here.
"""
