#!/bin/sh
# Records a take in the background and drives it with `onetake ctl`: what a hotkey, a launcher or
# cron does. Usage: controller.sh ONETAKE FILE
set -eu
onetake=$1
file=$2
session="example-$$"

"$onetake" record "$file" --session "$session" --detach \
	--screen synthetic --system-audio synthetic --mic synthetic --camera synthetic
trap '"$onetake" ctl --session "$session" stop >/dev/null 2>&1 || true' EXIT INT TERM

sleep 1.5
"$onetake" ctl --session "$session" mute mic
sleep 1
"$onetake" ctl --session "$session" unmute mic
"$onetake" ctl --session "$session" marker from the shell
"$onetake" ctl --session "$session" status
"$onetake" ctl --session "$session" stop
