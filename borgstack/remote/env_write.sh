# Brings .env to mode 600 and root, and closes its gaps. What is there stays byte for byte: only an
# empty value is filled, only a value that comes from the settings is replaced, the rest is appended.
#
# Usage: env_write PATH  <payload
#   payload lines: note NAME TEXT     a comment to stand above NAME if NAME has to be appended
#                  fill NAME VALUE    give NAME this value unless it has one
#                  set  NAME VALUE    give NAME this value
#                  drop NAME          leave NAME without a value
# Prints the names it wrote, never a value.
set -eu
export LC_ALL=C
umask 077
path=$1
folder=$(dirname "$path")
mkdir -p -m 750 "$folder"

payload=$(cat)
# What a killed run left beside it holds secrets too.
rm -f "$folder"/.env-borgstack.??????????
temporary=$(mktemp "$folder/.env-borgstack.XXXXXXXXXX")
trap 'rm -f "$temporary"' EXIT
trap 'exit 1' HUP INT TERM PIPE
[ -e "$path" ] || [ -L "$path" ] || original=/dev/null
original=${original:-$path}

program='
@env.awk@
function quoted(value) {
  return value ~ /^[A-Za-z0-9_.@:\/+=-]*$/ ? value : "\047" value "\047"
}
function take(line,    verb, name) {
  verb = line; sub(/ .*/, "", verb)
  sub(/^[a-z]+ /, "", line)
  name = line; sub(/ .*/, "", name)
  sub(/^[^ ]+ ?/, "", line)
  if (verb == "note") { notes[name] = notes[name] (line == "" ? "" : "# " line) "\n"; return }
  order[++count] = name; verbs[name] = verb; wanted[name] = line
}
part == "payload" { if ($0 != "") take($0); next }
{
  parse($0)
  if (NAME in wanted && !(NAME in done)) {
    done[NAME] = 1
    if (verbs[NAME] != "fill" || blank(VALUE)) {
      print "wrote " NAME > "/dev/stderr"
      if (AFTER ~ /^\t*#/) sub(/#/, " #", AFTER)
      print BEFORE quoted(wanted[NAME]) AFTER
      next
    }
  }
  print
}
END {
  for (i = 1; i <= count; i++) {
    name = order[i]
    if (name in done || verbs[name] == "drop") continue
    print "wrote " name > "/dev/stderr"
    printf "%s", notes[name]
    print name "=" quoted(wanted[name])
  }
}
'
printf '%s\n' "$payload" | awk "$program" part=payload - part=env "$original" >"$temporary" &&
  sync "$temporary" || {
  df -h "$folder" >&2
  echo "A new $path could not be written (is the disk full?); the old one is as it was." >&2
  exit 1
}
chown 0:0 "$temporary"
chmod 600 "$temporary"
mv -f "$temporary" "$path"
