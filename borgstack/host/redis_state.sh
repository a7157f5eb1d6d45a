# The running settings of Redis, and whether a key exists. Runs on the host, in the network of the
# container, in bash: no other shell opens a connection, and nothing of the image is executed.
#
# Usage: redis_state KEY NAME...  3<the password, as the container was given it
# Prints nothing when it cannot be asked; else:
#         redis-password ok|refused
#         redis-onboarding 0|1           whether KEY exists
#         redis-setting NAME VALUE       for each NAME
# shellcheck shell=bash
set -u
key=$1
shift
line=''
reply() { IFS= read -r line <&4 && line=${line%?}; } # without the carriage return
IFS= read -r password <&3
exec 4<>/dev/tcp/127.0.0.1/6379 || exit 0
[ -z "$password" ] || printf 'AUTH "%s"\r\n' "$password" >&4
printf 'PING\r\nEXISTS %s\r\nCONFIG GET %s\r\n' "$key" "$*" >&4
# Other errors say nothing of the password: it loads its data, or has no connection left.
verdict=ok
[ -z "$password" ] || reply
case $line in
-WRONGPASS* | *"without any password"*) verdict=refused && echo "redis-password $verdict" ;;
-*) exit 0 ;;
esac
reply
[ "$line" = +PONG ] || exit 0
[ $verdict = refused ] || echo "redis-password $verdict"
reply
echo "redis-onboarding ${line#:}"
# Each name and each value stands in a line of its own, behind one with its length.
reply
for _ in $(seq 2 2 "${line#\*}"); do
  reply && reply && name=$line && reply && reply && echo "redis-setting $name $line" || break
done
