#!/bin/bash
# Prints a line for each kind of thing that was on the host before the first deploy.
set -u
row() { printf '%s %s\n' "$1" "$(tr '\n' ';')"; }

docker inspect -f '{{.Name}} {{.Id}} {{.State.StartedAt}} {{.State.Status}}' \
  ops_web evolution_old ops_stopped ops-n8n-1 | row containers
docker network inspect -f '{{.Name}} {{.Id}}' ops_net ops_default | row networks
docker volume inspect -f '{{.Name}} {{.CreatedAt}}' ops_data ops_n8n_data | row volumes
docker exec ops_web cat /data/file /etc/inside | row data
docker image inspect -f '{{.Id}} {{.RepoTags}}' ops/tool:1 | row images
iptables-save | grep -E '999[89]' | row rules
{
  systemctl is-enabled ops.timer
  systemctl is-active ops.timer
  sha256sum /etc/systemd/system/ops.*
} | row units
crontab -l | row crontab
apt-mark showhold | row holds
dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\n' | row packages
find /etc/apt -type f -exec sha256sum {} + | sort | row apt
sha256sum /root/.bashrc /etc/hosts /etc/sysctl.d/99-ops.conf /srv/ops/docker-compose.yml | row files
cut -d: -f1,3 /etc/passwd | row users
