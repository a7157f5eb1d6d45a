# Production. Secrets are references, read on this machine when a run targets the group:
#   smtp_address, smtp_username, smtp_password = "smtp.example.com", "chat", "env:SMTP_PASSWORD"
# pyinfra does not take this from ~/.ssh/config: an unknown host key must stop a run.
ssh_strict_host_key_checking = "yes"
