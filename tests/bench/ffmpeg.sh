#!/bin/sh
# The peer: four PNG cameras to one 3840 x 2160 grid by ffmpeg alone, as well as we know how.
#
#   FFMPEG=ffmpeg sh ffmpeg.sh INPUT_FOLDER OUT.mp4 PRESET CRF FRAMES
#
# The pictures become yuv420p (BT.709) at their own size first, which is the cheap order, and
# only then are scaled, bicubic. The 12/s camera is scaled at its own rate and repeated
# afterwards. Threads are left to ffmpeg.
set -eu
inputs=$1 out=$2 preset=$3 crf=$4 frames=$5

yuv="scale=out_color_matrix=bt709:out_range=tv,format=yuv420p"
cell="pad=1920:1080:(ow-iw)/2:(oh-ih)/2,setsar=1"
exec "${FFMPEG:-ffmpeg}" -nostdin -hide_banner -loglevel error -y \
  -framerate 30 -i "$inputs/a/%05d.png" \
  -framerate 30 -i "$inputs/b/%05d.png" \
  -framerate 30 -i "$inputs/c/%05d.png" \
  -framerate 12 -i "$inputs/d/%05d.png" \
  -filter_complex "
    [0:v]$yuv,scale=1350:1080:flags=bicubic,$cell[a];
    [1:v]$yuv,scale=1350:1080:flags=bicubic,$cell[b];
    [2:v]$yuv,scale=1350:1080:flags=bicubic,$cell[c];
    [3:v]$yuv,scale=1440:1080:flags=bicubic,$cell,fps=30[d];
    [a][b][c][d]xstack=inputs=4:layout=0_0|w0_0|0_h0|w0_h0[grid]" \
  -map "[grid]" -frames:v "$frames" \
  -c:v libx264 -preset "$preset" -crf "$crf" -pix_fmt yuv420p \
  -colorspace bt709 -color_primaries bt709 -color_trc bt709 -color_range tv \
  -movflags +faststart "$out"
