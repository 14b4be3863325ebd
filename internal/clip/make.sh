#!/bin/sh
# Makes clip.flv, the built-in test clip, with ffmpeg 5.1 or later and the DejaVu
# fonts (Debian: ffmpeg, fonts-dejavu-core). Run it in this folder.
#
# The clip lasts 16 s because that is a whole number of both its frames: 480
# pictures at 30 fps and 750 AAC frames of 1024 samples at 48 kHz. Everything in
# it repeats after 16 s, and the sound is cut out of the middle of a longer one,
# so that the coder's overlapping windows fit together where the loop closes.
set -eu

seconds=16
fps=30
aac_frames=750
sans=/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf
mono=/usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# A slow plasma, computed small and scaled up smooth; a ball on its orbit; a bar
# that crosses once a segment of 2 s; and the clock.
w="2*PI*T/$seconds"
plasma="geq=\
r='68+44*sin(X/17+$w)+22*cos(Y/11-2*$w)':\
g='34+22*sin((X+Y)/23-$w)':\
b='112+52*cos(X/19-Y/13+2*$w)+26*sin(Y/9+$w)'"
text="borderw=2:bordercolor=black@0.35:fontcolor=white"

ffmpeg -hide_banner -loglevel error -y \
  -f lavfi -i "color=black:s=80x45:r=$fps:d=$seconds,format=gbrp,$plasma,scale=640:360:flags=bicubic" \
  -f lavfi -i "color=white:s=56x56:r=$fps:d=$seconds,format=rgba,geq=r=255:g=236:b=190:a='255*clip((26-hypot(X-28,Y-28))/3,0,1)'" \
  -f lavfi -i "color=0xffd27a:s=640x6:r=$fps:d=$seconds" \
  -filter_complex "
    [0][1]overlay=format=auto:x='292+230*cos(2*PI*t/8)':y='116+74*sin(2*PI*t/4)'[a];
    [a][2]overlay=x='-640+640*mod(t,2)/2':y=354,
    drawtext=fontfile=$sans:text='golive demo':fontsize=46:x=(w-tw)/2:y=96:$text,
    drawtext=fontfile=$mono:text='%{pts\:hms}':fontsize=44:x=135:y=168:$text,
    drawtext=fontfile=$mono:text='frame %{eif\:n\:d\:3}':fontsize=24:x=(w-tw)/2:y=232:$text,
    format=yuv420p[v]" \
  -map "[v]" -c:v libx264 -profile:v main -preset veryslow -tune animation -b:v 270k \
  -maxrate 400k -bufsize 400k -bf 2 -g $((2 * fps)) -keyint_min $((2 * fps)) -sc_threshold 0 \
  -flags +cgop -threads 1 "$tmp/video.mp4"

# A quiet chord, and a short ping that wanders from ear to ear each second. All
# frequencies are whole numbers of periods in 16 s.
chord="0.035*(sin(2*PI*220*t)+sin(2*PI*277*t)+sin(2*PI*330*t))*(0.75+0.25*cos(2*PI*t/8))"
ping="0.22*sin(2*PI*880*t)*exp(-14*mod(t,1))*min(1,400*mod(t,1))"
pan="0.4*sin(2*PI*t/8)"
ffmpeg -hide_banner -loglevel error -y \
  -f lavfi -i "aevalsrc='$chord+(0.5+$pan)*$ping|$chord+(0.5-$pan)*$ping':s=48000:d=$((3 * seconds))" \
  -c:a aac -b:a 72k "$tmp/long.nut"
# One frame more than a loop is dropped: a frame is heard one frame after it
# comes, since each overlaps the one before.
first=$((aac_frames + 1))
ffmpeg -hide_banner -loglevel error -y -i "$tmp/long.nut" -c copy \
  -bsf:a "noise=amount=0:drop='lt(n,$first)+gte(n,$first+$aac_frames)',setts=ts=N*1024" \
  "$tmp/audio.nut"

ffmpeg -hide_banner -loglevel error -y -i "$tmp/video.mp4" -i "$tmp/audio.nut" \
  -map 0:v -map 1:a -c copy -map_metadata -1 -fflags +bitexact \
  -flvflags no_duration_filesize clip.flv
ls -l clip.flv
