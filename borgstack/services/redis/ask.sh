# The running settings of Redis, and whether a key exists. Runs on the host, in the network of the
# container, in bash: no other shell opens a connection, and nothing of the image is executed.
#
# Usage: redis_ask KEY NAME...  3<the password, as the container was given it
# Prints nothing when it cannot be asked; else:
#         password ok|refused
#         onboarding 0|1           whether KEY exists
#         setting NAME VALUE       for each NAME
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
[ -z "$password" ] || reply
case $line in
-WRONGPASS* | *"without any password"*) verdict=refused ;;
-*) exit 0 ;;
*) verdict=ok ;;
esac
reply
case $verdict$line in
ok+PONG | refused*) ;;
*) exit 0 ;;
esac
said="password $verdict"
reply
case $line in
:[01]) said="$said
onboarding ${line#:}" ;;
*) [ $verdict = refused ] || exit 0 ;;
esac
# Each name and each value stands in a line of its own, behind one with its length. Where it must not
# be asked for settings, there are none to compare.
reply || [ $verdict = refused ] || exit 0
for _ in $(seq 2 2 "${line#\*}"); do
  reply && reply && name=$line && reply && reply || exit 0
  said="$said
setting $name $line"
done
echo "$said"
