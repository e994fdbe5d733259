# shellcheck shell=bash
# Sourced, after interruption.sh, tools.sh and services.sh. A private Postfix and a private Dovecot from Debian's packages, in a root
# folder of their own that nothing of the machine is changed for; it goes when the script ends, whatever ends it. Needs root, which
# Postfix insists on, and openssl.
#
#   start_mail_server DOMAIN…   Postfix delivers to the Maildirs of `c00000` to `c99999` under each domain that begins with good or full,
#                               those of full ones by Dovecot, which gives each a thousand octets; to nobody else there; and to
#                               `bounces` and `info` at maes.example, which Dovecot serves by IMAP over TLS with the password `right`.
#                               Sets MAIL_SMTP_PORT, MAIL_IMAPS_PORT, MAIL_DIRS (DOMAIN/USER/new) and MAIL_ROOTS (PEM)
#   stop_mail_server            ends both; called at exit, harmless when called twice

MAIL_SMTP_PORT='' MAIL_IMAPS_PORT='' MAIL_DIRS='' MAIL_ROOTS=''
MAIL_ROOT='' POSTFIX_PID='' DOVECOT_PID=''
# Users of each domain.
MAIL_USERS=${MAIL_USERS:-200}

start_mail_server() {
  ((EUID == 0)) || {
    echo "Postfix needs root: run this as root" >&2
    return 1
  }
  services_folder
  MAIL_ROOT=$SERVICES_DIR/mail
  on_exit stop_mail_server
  MAIL_SMTP_PORT=$(free_port_candidate)
  MAIL_IMAPS_PORT=$((MAIL_SMTP_PORT + 1))
  fill_mail_root
  make_certificates
  configure_postfix "$@"
  configure_dovecot
  launch_mail "$MAIL_SMTP_PORT" "$SERVICES_DIR/postfix.log" /usr/lib/postfix/sbin/master -d && POSTFIX_PID=$LAUNCHED || return 1
  launch_mail "$MAIL_IMAPS_PORT" "$SERVICES_DIR/dovecot.log" /usr/sbin/dovecot -F -c /etc/dovecot/own.conf && DOVECOT_PID=$LAUNCHED || return 1
}

# launch_mail PORT LOG COMMAND…: in the root folder, until the port answers; sets LAUNCHED.
launch_mail() {
  local port=$1 log=$2
  shift 2
  (cd / && exec setsid setpriv --pdeathsig TERM env -i PATH=/usr/sbin:/usr/bin LC_ALL=C chroot "$MAIL_ROOT" "$@") </dev/null >"$log" 2>&1 &
  LAUNCHED=$!
  until_ready "$LAUNCHED" 30 answers_at "$port" && return 0
  echo "$1 did not start:" >&2
  tail -n 20 "$log" "$MAIL_ROOT"/var/log/*.log >&2
  return 1
}

answers_at() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# The packages, the machine's libraries that they need, and the few files that a program looks for.
fill_mail_root() {
  local root=$MAIL_ROOT library
  mkdir -m 755 "$root"
  cp -a "$TOOLS/mail/." "$root"
  mkdir -p "$root/bin"
  cp -L /bin/sh "$root/bin/sh"
  while IFS= read -r library; do
    [[ -e $root$library ]] || cp -L --parents "$library" "$root"
  done < <(find "$root/usr/lib" "$root/usr/sbin" "$root/usr/bin" "$root/bin" -type f \( -perm -u+x -o -name '*.so*' \) -print0 |
    LD_LIBRARY_PATH=$(library_path "$root") xargs -0 ldd 2>/dev/null |
    awk '/=> \// { print $3 } $1 ~ /^\/.*ld-linux/ { print $1 }' | grep -v "^$root" | sort -u)
  mkdir -p "$root"/{dev,tmp,run/dovecot,etc/dovecot,etc/postfix,var/log,var/lib/postfix,var/spool/postfix,var/mail}
  # Where the packages hold these libraries, programs look first.
  (cd "$root" && library_path . | tr : '\n' | sed 's,^\.,,' >etc/ld.so.conf) && ldconfig -r "$root" 2>/dev/null
  mknod -m 666 "$root/dev/null" c 1 3
  mknod -m 444 "$root/dev/random" c 1 8
  mknod -m 444 "$root/dev/urandom" c 1 9
  chmod 1777 "$root/tmp"
  cat >"$root/etc/passwd" <<'USERS'
root:x:0:0::/:/bin/false
postfix:x:901:901::/:/bin/false
dovecot:x:902:902::/:/bin/false
dovenull:x:903:903::/:/bin/false
mail:x:904:904::/:/bin/false
nobody:x:65534:65534::/:/bin/false
USERS
  cat >"$root/etc/group" <<'GROUPS'
root:x:0:
postfix:x:901:
dovecot:x:902:
dovenull:x:903:
mail:x:904:
postdrop:x:905:
nogroup:x:65534:
GROUPS
  printf '127.0.0.1 localhost mail.maes.example\n' >"$root/etc/hosts"
  printf 'passwd: files\ngroup: files\nhosts: files\nservices: files\n' >"$root/etc/nsswitch.conf"
  printf 'smtp 25/tcp\nlmtp 24/tcp\n' >"$root/etc/services"
}

# A certificate for this machine that leads to a root of its own.
make_certificates() (
  cd "$MAIL_ROOT/etc"
  {
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj '/CN=Test root' \
      -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
    openssl req -newkey rsa:2048 -nodes -keyout mail.key -out mail.csr -subj /CN=localhost
    openssl x509 -req -in mail.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out mail.pem \
      -extfile <(printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n')
  } 2>"$SERVICES_DIR/openssl.log" || {
    cat "$SERVICES_DIR/openssl.log" >&2
    return 1
  }
)

configure_postfix() { # DOMAIN…
  local root=$MAIL_ROOT domain full='' number
  MAIL_ROOTS=$root/etc/ca.pem MAIL_DIRS=$root/var/mail
  chown 901:901 "$root/var/lib/postfix"
  mkdir -p "$root/var/spool/postfix"/{active,bounce,corrupt,defer,deferred,flush,hold,incoming,private,saved,trace,maildrop,public,pid}
  chown 901 "$root/var/spool/postfix"/*
  chown 0 "$root/var/spool/postfix/pid"
  chown 901:905 "$root/var/spool/postfix"/{maildrop,public}
  chmod 700 "$root/var/spool/postfix"/{active,bounce,corrupt,defer,deferred,flush,hold,incoming,private,saved,trace}
  chmod 730 "$root/var/spool/postfix/maildrop"
  chmod 710 "$root/var/spool/postfix/public"
  printf '%s %s\n' bounces@maes.example maes/bounces/ info@maes.example maes/info/ >"$root/etc/postfix/mailboxes"
  for domain; do
    case $domain in
      full*) full+=" { $domain = tight: }," ;;
      good*) ;;
      *) continue ;;
    esac
    for ((number = 0; number < MAIL_USERS; number++)); do
      printf 'c%05d@%s %s/c%05d/\n' "$number" "$domain" "$domain" "$number"
    done >>"$root/etc/postfix/mailboxes"
  done
  chown 904:904 "$root/var/mail"
  # What Dovecot says of a mail that it rejects, behind the status of a mailbox that is full (RFC 3463, X.2.2).
  cat >"$root/bin/deliver_tight" <<'DELIVERY'
#!/bin/sh
said=$(/usr/lib/dovecot/dovecot-lda -c /etc/dovecot/own.conf -e -f "$1" -o "mail_location=maildir:/var/mail/$2/$3" \
  -o log_path=/dev/stderr -o stats_writer_socket_path= -o mail_plugins=quota -o "plugin/quota=maildir:all" -o "plugin/quota_rule=*:bytes=1000" 2>&1)
status=$?
if [ $status = 77 ]; then echo "5.2.2 $said"; else echo "$said"; fi
exit $status
DELIVERY
  chmod 755 "$root/bin/deliver_tight"
  cat >"$root/etc/postfix/main.cf" <<SETTINGS
compatibility_level = 3.6
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
shlib_directory = /usr/lib/postfix
queue_directory = /var/spool/postfix
data_directory = /var/lib/postfix
meta_directory = /etc/postfix
maillog_file = /var/log/postfix.log
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.maes.example
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
local_recipient_maps =
smtpd_relay_restrictions = permit_mynetworks, reject
# As a relay takes mails for strangers: whether there is such a mailbox it learns later.
smtpd_reject_unlisted_recipient = no
smtpd_client_connection_count_limit = 0
recipient_delimiter = +
virtual_mailbox_domains = maes.example $*
virtual_mailbox_maps = texthash:/etc/postfix/mailboxes
virtual_mailbox_base = /var/mail
virtual_uid_maps = static:904
virtual_gid_maps = static:904
transport_maps = inline:{${full%,}}
SETTINGS
  # shellcheck disable=SC2016 # What is in braces is for Postfix.
  sed "s/@PORT@/$MAIL_SMTP_PORT/" >"$root/etc/postfix/master.cf" <<'SERVICES'
127.0.0.1:@PORT@ inet n - n - - smtpd
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
tight unix - n n - - pipe flags=DR user=mail argv=/bin/deliver_tight ${sender} ${domain} ${user}
anvil unix - - n - 1 anvil
SERVICES
}

configure_dovecot() {
  printf '%s:{PLAIN}right\n' bounces info >"$MAIL_ROOT/etc/dovecot/users"
  cat >"$MAIL_ROOT/etc/dovecot/own.conf" <<SETTINGS
base_dir = /run/dovecot
log_path = /var/log/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = </etc/mail.pem
ssl_key = </etc/mail.key
first_valid_uid = 900
mail_location = maildir:/var/mail/maes/%n
passdb {
  driver = passwd-file
  args = /etc/dovecot/users
}
userdb {
  driver = static
  args = uid=904 gid=904 home=/var/mail/maes/%n
}
service imap-login {
  chroot =
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    port = $MAIL_IMAPS_PORT
    ssl = yes
  }
}
service anvil {
  chroot =
}
SETTINGS
}

stop_mail_server() {
  if [[ -n $POSTFIX_PID ]]; then end_process "$POSTFIX_PID" TERM 10; fi
  if [[ -n $DOVECOT_PID ]]; then end_process "$DOVECOT_PID" TERM 10; fi
  POSTFIX_PID='' DOVECOT_PID=''
}
