"""Stage 2: trains the region proposal network on minibatches of tiles, then writes every image's proposals.

    python train_rpn.py --data work/prep/trainval --val work/prep/test --run work/run

With --val every epoch ends with the recall of 100, 300 and 1000 proposals; on BCCD with MobileNetV2 it is above 0.99 at
IoU 0.5 with 300 proposals after four epochs. The same command as `frcnn train-rpn`; --help says more.
"""

import sys

from frcnn_keras.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["train-rpn", *sys.argv[1:]]))
