#!/bin/sh
# Stands before a program in the PATH of a lab host and counts the calls that borgstack's changing
# scripts make themselves; at the wanted one the work, its connection or its operator dies. Any
# other caller, and what the program itself starts, gets the real program and nothing else.
#
# Usage: linked as /usr/local/sbin/PROGRAM; in /var/lib/kill-point lie
#   trace    a line for each counted call: NUMBER GROUP SCRIPT PROGRAM [FIRST WORD]
#   at       NUMBER, or SCRIPT PROGRAM [FIRST WORD] NTH; without it calls are only counted
#   way      host, connection, or hold: wait there until killed or told to go on
#   during   a condition that has to come true while the program runs; without it, before it starts
#   reached  made when the point was reached
# GROUP is the process group: one for each script that was started.
point=/var/lib/kill-point
program=${0##*/}
PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
[ -e $point/trace ] || exec "$program" "$@"
read -r _ _ _ parent group _ </proc/$$/stat
script=$(grep -zxo -m 1 'borgstack-[a-z0-9_]*' "/proc/$parent/cmdline" | tr -d '\000')
# The lock's own script is at work beside the others by design: it waits for what it finds.
[ "$script" != borgstack-lock_hold ] || exec "$program" "$@"
{ [ -n "$script" ] && grep -q borgstack-work.lock "/proc/$group/cmdline"; } || exec "$program" "$@"
call="${script#borgstack-} $program"
case $program in
docker | systemctl) call="$call $1" ;;
esac
# How often the scripts ask what has become of something is a matter of time.
case $call in
*' docker inspect' | *' docker ps') exec "$program" "$@" ;;
esac

exec 9>>$point/lock
flock 9
number=$(($(wc -l <$point/trace) + 1))
echo "$number $group $call" >>$point/trace
wanted=$(cat $point/at 2>/dev/null)
[ "$number" = "$wanted" ] || [ "$call $(cut -d ' ' -f 3- $point/trace | grep -cx "$call")" = "$wanted" ] ||
  exec "$program" "$@" 9>&-
rm $point/at
exec 9>&-

# The sessions of sshd that this call hangs on, up to the listener; looked up while it is there.
sessions='' process=$$
while [ "$process" -gt 1 ]; do
  [ "$(cat "/proc/$process/comm")" != sshd-session ] || sessions="$sessions $process"
  read -r _ _ _ process _ <"/proc/$process/stat"
done

die() {
  echo "$number $call" >$point/reached
  case $(cat $point/way) in
  host) kill -9 "-$group" ;;
  connection)
    # shellcheck disable=SC2086 # words on purpose
    kill -9 $sessions
    ;;
  hold)
    # Work that outlives its run goes on just when the next run asks for the host.
    [ -s $point/during ] || until [ -e $point/go ] && pgrep -f '[b]orgstack-lock_hold' >/dev/null; do
      [ -e $point/reached ] || exit 1
      sleep 0.05
    done
    ;;
  esac
}

if [ -s $point/during ]; then
  { until sh $point/during; do sleep 0.02; done && die; } </dev/null >/dev/null 2>&1 &
else
  die
fi
exec "$program" "$@"
