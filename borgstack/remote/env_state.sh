# What .env is like, without a single value of it: how it lies on the disk, which lines cannot be
# read, and one verdict for each key that the project knows.
#
# Usage: env_state PATH SALT RULE...
#   RULE is NAME<tab>KIND<tab>LEAST-LENGTH<tab>EXPECTED; EXPECTED only for kind `plain`, and for
#   `withdrawn`: there it is the comment that stands above what this tool has appended.
# Prints: leftover PATH                (of a killed run)
#         file TYPE|MODE|UID|GID        (or: file missing)
#         problem LINE FLAW             `Flaw` in entries.py has their words
#         entry NAME VERDICT            ok, empty, missing, differs, withdrawn, or refused FLAW
#         digest NAME HEX               kind `supplied`: of SALT and the value
set -eu
export LC_ALL=C
path=$1 salt=$2
shift 2

for file in "$(dirname "$path")"/.env-borgstack.??????????; do
  [ ! -e "$file" ] || echo "leftover $file"
done
if [ -L "$path" ] && [ ! -e "$path" ]; then
  echo "problem 0 dangling"
elif [ ! -e "$path" ]; then
  echo "file missing"
  exit 0
elif [ -e "$path" ] && [ ! -f "$path" ]; then
  echo "problem 0 no_file"
fi
echo "file $(stat -c '%F|%a|%u|%g' "$path")"
[ -f "$path" ] || exit 0
if [ "$(tr -dc '\000' <"$path" | wc -c)" -gt 0 ]; then
  echo "problem 0 nul"
fi

program='
@env.awk@
function verdict(name,    value, kind) {
  if (kinds[name] == "withdrawn")
    return seen[name] == 1 && !blank(values[name]) && above[name] == expected[name] ? "withdrawn" : ""
  if (!(name in seen)) return "missing"
  if (seen[name] > 1) return "refused twice"
  value = values[name]; kind = kinds[name]
  if (kind == "plain") return value == expected[name] ? "ok" : "differs"
  if (kind == "supplied") return value == "" ? "empty" : fit[name] ? "ok" : "differs"
  if (blank(value)) return "empty"
  if (length(value) < least[name]) return "refused short"
  if (kind == "password" && value !~ /^[A-Za-z][A-Za-z0-9]*$/)
    return "refused letters"
  if (kind == "hex" || kind == "key") {
    if (kind == "hex" && value ~ /^[0-9]+$/) return "refused digits"
    if (!fit[name]) return "refused unquoted"
  }
  if (kind == "login" && (value !~ /^[A-Za-z0-9_+=-]+$/ || value !~ /[A-Z]/ || \
      value !~ /[a-z]/ || value !~ /[0-9]/ || value !~ /[_+=-]/))
    return "refused uniform"
  return "ok"
}
BEGIN {
  for (i = 2; i < ARGC; i++) {
    split(ARGV[i], rule, "\t")
    order[i] = rule[1]; kinds[rule[1]] = rule[2]; least[rule[1]] = rule[3] + 0
    expected[rule[1]] = rule[4]
  }
  rules = ARGC
  ARGC = 2
}
{ parse($0) }
PROBLEM != "" { print "problem " FNR " " PROBLEM }
NAME in kinds {
  seen[NAME]++; values[NAME] = VALUE; fit[NAME] = plain_or_quoted(); above[NAME] = before
}
{ before = $0 }
END {
  for (i = 2; i < rules; i++) {
    found = verdict(order[i])
    if (found != "") print "entry " order[i] " " found
  }
}
'
awk "$program" "$path" "$@"

tab=$(printf '\t')
for rule in "$@"; do
  case $rule in
  *"${tab}supplied${tab}"*)
    name=${rule%%"$tab"*}
    # The value goes through pipes alone: neither a word of a command nor a line of output.
    digest=$(
      {
        printf %s "$salt"
        awk '
@env.awk@
          BEGIN { wanted = ARGV[2]; ARGC = 2 }
          { parse($0) }
          NAME == wanted { printf "%s", VALUE }
        ' "$path" "$name"
      } | sha256sum
    )
    echo "digest $name ${digest%% *}"
    ;;
  esac
done
