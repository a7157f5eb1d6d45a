"""The benchmark: this project beside Ansible, stock pyinfra and the least that SSH can cost."""
