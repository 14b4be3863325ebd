#!/bin/sh
# Usage: tools/need.sh TOOL...   (ffmpeg, chromium, firefox, gcc, npm, nginx, gstreamer, mpv, vlc, obs)
#
# Installs missing tools with apt-get if possible; otherwise prints what to install,
# and fails.
set -eu

missing=

has() {
	for command; do
		if command -v "$command" >/dev/null 2>&1; then return 0; fi
	done
	return 1
}

# want PACKAGES COMMAND...: adds PACKAGES to $missing unless one of the commands exists.
want() {
	packages=$1
	shift
	has "$@" || missing="$missing $packages"
}

for tool; do
	case $tool in
	ffmpeg) want ffmpeg ffmpeg ;;
	# Without a font Chromium draws empty boxes in pages and screenshots.
	chromium) want "chromium-headless-shell fonts-dejavu-core" chromium-headless-shell chromium chromium-browser google-chrome google-chrome-stable ;;
	firefox) want "firefox-esr fonts-dejavu-core" firefox-esr ;;
	mpv) want mpv mpv ;;
	vlc) want "vlc-bin vlc-plugin-base" vlc ;;
	# Go's race detector needs it for linking.
	gcc) want "gcc libc6-dev" gcc ;;
	npm) want npm npm ;;
	# Tests serve a bucket with it.
	nginx) want nginx-light nginx /usr/sbin/nginx ;;
	# The elements are in packages of their own.
	gstreamer)
		for element in videotestsrc flvmux rtmp2sink x264enc avenc_aac hlsdemux2 avdec_h264; do
			gst-inspect-1.0 --exists "$element" 2>/dev/null && continue
			missing="$missing gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav"
			break
		done
		;;
	# OBS Studio needs a display, which Xvfb provides.
	obs)
		want "obs-studio obs-plugins" obs
		want "xvfb xauth" Xvfb
		;;
	*)
		echo "need.sh: unknown tool $tool" >&2
		exit 2
		;;
	esac
done

if [ -z "$missing" ]; then exit 0; fi

if [ "$(id -u)" -eq 0 ] && has apt-get; then
	echo "installing$missing" >&2
	export DEBIAN_FRONTEND=noninteractive
	# One source that does not answer is no reason to stop: the others may have everything.
	apt-get update -q </dev/null >&2 || echo "need.sh: not all package lists were updated" >&2
	# shellcheck disable=SC2086 # a list of packages
	if apt-get install -y -q --no-install-recommends $missing </dev/null >&2; then exit 0; fi
fi

echo "golive needs:$missing" >&2
if has apt-get; then
	echo "    sudo apt-get update && sudo apt-get install -y --no-install-recommends$missing" >&2
elif has brew; then
	echo "    brew install$missing" >&2
else
	echo "    install it with your system's package manager" >&2
fi
exit 1
