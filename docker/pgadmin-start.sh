#!/bin/sh
# Leave the reader's password where the preloaded server looks for it, then start pgAdmin as the image does.
#
# Written at each start: the image's own PGPASS_FILE is copied at the first start only, so a changed password would
# never arrive. servers.json names the file as /.pgpass, which pgAdmin seeks in the folder of the user.
set -eu
umask 077

# pgAdmin's own rule for the name of that folder.
case $PGADMIN_DEFAULT_EMAIL in
    [0-9]*) user=pga_user_$PGADMIN_DEFAULT_EMAIL ;;
    *) user=$PGADMIN_DEFAULT_EMAIL ;;
esac
folder=${PGADMIN_DATA:-/var/lib/pgadmin}/storage/$(printf '%s' "$user" | tr '@' '_')
password=$(printf '%s' "$RETAIL_READER_PASSWORD" | sed 's/[\\:]/\\&/g')

mkdir -p "$folder"
printf 'postgres:5432:*:retail_reader:%s\n' "$password" >"$folder/.pgpass"
unset RETAIL_READER_PASSWORD password
exec "$@"
