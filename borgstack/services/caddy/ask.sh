# What Caddy makes of a Caddyfile, and what it runs, both asked of its admin API. Runs on the host, in
# the network of the container, in bash: no other shell opens a connection, and nothing of the image
# is executed.
#
# Usage: caddy_ask CADDYFILE           (in base64)
# Prints: adapted JSON             {"result": …}, or {"error": …}
#         running JSON
# shellcheck shell=bash
set -u
ask() {
  exec 4<>/dev/tcp/127.0.0.1/2019 || return
  printf '%s %s HTTP/1.0\r\nHost: 127.0.0.1:2019\r\n' "$1" "$2" >&4
  printf 'Content-Type: text/caddyfile\r\nContent-Length: %s\r\n\r\n%s' "${#3}" "$3" >&4
  sed '1,/^\r*$/d' <&4 | tr -d '\n'
}
caddyfile=$(printf %s "$1" | base64 -d)
printf 'adapted '
# Its file server hides the file that the configuration came from.
ask POST /adapt "$caddyfile" | sed 's#"./Caddyfile"#"/etc/caddy/Caddyfile"#g'
printf '\nrunning '
ask GET /config/ ''
echo
