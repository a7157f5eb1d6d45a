"""The floor: the least that a pyinfra run over SSH can be, one operation that runs `true`."""

from pyinfra.operations import server

server.shell(name="Run true", commands=["true"])
