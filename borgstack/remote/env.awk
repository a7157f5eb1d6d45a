# How a line of .env reads, the way Compose reads it. Shared by env_state.sh and env_write.sh.
#
# parse(line) sets
#   NAME     the key, "" on a blank line or a comment
#   VALUE    its value, unquoted; what is escaped in it stays so
#   QUOTE    the quote that it stands in, "" for none
#   BEFORE   what stands before the value, AFTER what follows it, both without its quotes
#   PROBLEM  why the line cannot be read, "" when it can
function parse(line,    quote, end) {
  NAME = VALUE = QUOTE = BEFORE = AFTER = PROBLEM = ""
  if (line ~ /^[ \t]*(#.*)?\r?$/) return
  if (!match(line, /^[ \t]*(export[ \t]+)?[A-Za-z_][A-Za-z0-9_.-]*[ \t]*=/)) {
    PROBLEM = "no_entry"
    return
  }
  BEFORE = substr(line, 1, RLENGTH)
  VALUE = substr(line, RLENGTH + 1)
  NAME = BEFORE
  sub(/^[ \t]*(export[ \t]+)?/, "", NAME)
  sub(/[ \t]*=$/, "", NAME)
  if (match(VALUE, /^[ \t]+[^ \t#\r]/)) {
    BEFORE = BEFORE substr(VALUE, 1, RLENGTH - 1)
    VALUE = substr(VALUE, RLENGTH)
  }
  quote = substr(VALUE, 1, 1)
  if (quote == "\"" || quote == "\047") {
    end = closing(substr(VALUE, 2), quote)
    if (!end) { PROBLEM = "open_quote"; return }
    QUOTE = quote
    AFTER = substr(VALUE, end + 2)
    VALUE = substr(VALUE, 2, end - 1)
    if (AFTER !~ /^[ \t]*(#.*)?\r?$/) PROBLEM = "after_quote"
    return
  }
  # Only a space makes a comment of what follows, a tab does not.
  if (match(VALUE, /^#.*$|[ \t]* #.*$|[ \t\r]+$/)) {
    AFTER = substr(VALUE, RSTART)
    VALUE = substr(VALUE, 1, RSTART - 1)
  }
}

# Where `quote` closes in `text`; 0 when it never does. A backslash keeps either from closing.
function closing(text, quote,    i, letter) {
  for (i = 1; i <= length(text); i++) {
    letter = substr(text, i, 1)
    if (letter == "\\") { i++; continue }
    if (letter == quote) return i
  }
  return 0
}

# A placeholder as .env.example has them, <generate-strong-password>, counts as no value.
function blank(value) { return value == "" || value ~ /^<[^>]*>$/ }

# Whether a value is the same to everybody who reads it: without quotes Compose expands variables
# and trims more than blanks.
function plain_or_quoted() { return QUOTE == "\047" || VALUE ~ /^[A-Za-z0-9_.@:\/+=-]*$/ }
