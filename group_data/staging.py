# Staging: certificates from Let's Encrypt's staging endpoint, which has no rate limits to run into.
acme_directory = "https://acme-staging-v02.api.letsencrypt.org/directory"
ssh_strict_host_key_checking = "yes"
