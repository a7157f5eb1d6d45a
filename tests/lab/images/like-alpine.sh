# The last step of a stand-in's build whose image is Alpine's, run by its Dockerfile: shell and tools
# become BusyBox's, and perl is gone. What BusyBox has no applet for stays Debian's, behind it on the
# path; so does setpriv, where the image brings util-linux's.
busybox --install -s /usr/local/bin
ln -sf /usr/bin/busybox /bin/sh
rm -f /usr/local/bin/setpriv /usr/local/bin/cp /usr/bin/perl*
# Alpine's cp unlinks what it replaces, whoever still reads it. Debian's BusyBox writes into it.
cat >/usr/local/bin/cp <<'END'
#!/bin/sh
for word; do
	case $word in
	--) break ;;
	--* | -*n*) exec busybox cp --unknown ;;
	esac
done
exec /bin/cp --remove-destination "$@"
END
chmod 755 /usr/local/bin/cp
