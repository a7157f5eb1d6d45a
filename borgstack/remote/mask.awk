# Replaces every value that .env holds by stars: for logs that go to the operator's terminal.
# Usage: awk "$mask" part=env /opt/borgstack/.env part=log -
# @plain_names@: the entries that are no secrets, by borgstack/services.
# Values under 4 characters are left: their stars would make any text unreadable.
function masked(line,    i, at) {
  for (i = 1; i <= values; i++)
    while ((at = index(line, hidden[i])) > 0)
      line = substr(line, 1, at - 1) "*****" substr(line, at + length(hidden[i]))
  return line
}
# The longest first: one value may begin another.
function hide(value,    i) {
  if (length(value) < 4 || index("*****", value)) return
  for (i = ++values; i > 1 && length(hidden[i - 1]) < length(value); i--) hidden[i] = hidden[i - 1]
  hidden[i] = value
}
part == "env" {
  parse($0)
  if (NAME == "" || NAME ~ /^(@plain_names@)$/) next
  hide(VALUE)
  if (gsub(/\\/, "", VALUE)) hide(VALUE)
  next
}
{ print masked($0) }
