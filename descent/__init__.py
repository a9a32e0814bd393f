"""descent: several cameras that never agreed on a clock in, verified release videos out."""

import os

__version__ = "0.1.0"

# OpenCV's IPP gives other pixels on other processors. Its own switch holds for one thread only;
# this variable, read once as cv2 loads, holds for all. (It would then warn of just that.)
os.environ.setdefault("OPENCV_IPP", "disabled")
os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
