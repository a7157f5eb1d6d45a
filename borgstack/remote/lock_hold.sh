# Holds the lock of this host for as long as somebody at the other end of stdin is alive: a line has
# to come in every LIFETIME seconds, and the end of the connection is the end of the lock.
#
# Usage: lock_hold WHO WAIT LIFETIME
# Prints: taken, or: held WHO since WHEN
# then for each line: kept
set -u
export LC_ALL=C
who=$1 wait=$2 lifetime=$3
# Whoever can open a lock can hold it: these are root's alone, also where an older run made them.
umask 077
# quiet: a holder that has not written its name yet.
exec 9>>/run/borgstack.lock
chmod 600 /run/borgstack.lock
flock -w "$wait" 9 || {
  echo "held $(cat /run/borgstack.holder 2>/dev/null)"
  exit 1
}
# A run that was cut off may have left a command that is still at work.
>>/run/borgstack-work.lock
chmod 600 /run/borgstack-work.lock
flock -o -w 1800 /run/borgstack-work.lock true || {
  echo "held a command of an interrupted run, still at work after 1800 s"
  exit 1
}
echo "$who since $(date '+%Y-%m-%d %H:%M:%S %Z')" >/run/borgstack.holder
echo taken
while line=$(timeout "$lifetime" head -n 1) && [ -n "$line" ]; do echo kept; done
