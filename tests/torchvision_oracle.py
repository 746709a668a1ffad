"""torchvision's detectors stage by stage, written down once more, slowly, in float64, from a state_dict alone.

Nothing of the product is used: convolutions and products are TensorFlow's in float64, all else is NumPy. Maps are
(B, H, W, C). Every stage takes what the stage before gave, so that each can be fed with another's.
"""

import dataclasses
import math

import numpy as np
import tensorflow as tf

from tests.box_oracle import bins, clip, decode, suppress

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
RATIOS = (0.5, 1.0, 2.0)


@dataclasses.dataclass
class Oracle:
    """A model of torchvision's; kind: `v1`, `v2` or `mobile`."""

    tensors: dict
    kind: str
    shorter: int
    longer: int
    epsilon: float = 1e-5
    before: int = 1000
    after: int = 1000
    dtype: type = np.float64

    # -- images

    def size(self, height, width):
        """Height and width that an image is resized to."""
        scale = min(self.shorter / min(height, width), self.longer / max(height, width))
        return math.floor(height * scale), math.floor(width * scale)

    def prepare(self, images):
        """Images (H, W, 3) uint8 -> their batch, padded, and its sizes (B, 2)."""
        ready = [self._resized((image / self.dtype(255) - np.array(MEAN, self.dtype)) / np.array(DEVIATION, self.dtype))
                 for image in images]
        sides = [-(-max(image.shape[axis] for image in ready) // 32) * 32 for axis in (0, 1)]
        batch = np.zeros((len(ready), *sides, 3), self.dtype)
        for place, image in zip(batch, ready, strict=True):
            place[:image.shape[0], :image.shape[1]] = image
        return batch, np.array([image.shape[:2] for image in ready])

    def _resized(self, image):
        """Bilinear, half-pixel centres: one axis after the other, each as a matrix."""
        for axis, size in enumerate(self.size(*image.shape[:2])):
            cells = image.shape[axis]
            place = np.clip((np.arange(size) + 0.5) * (cells / size) - 0.5, 0, cells - 1)
            matrix = np.maximum(0, 1 - np.abs(place[:, None] - np.arange(cells))).astype(self.dtype)
            image = np.moveaxis(np.tensordot(matrix, image, (1, axis)), 0, axis)
        return image

    # -- networks

    def _conv(self, maps, name, stride=1, bias=False):
        kernel = np.asarray(self.tensors[f"{name}.weight"], self.dtype)
        pad = kernel.shape[-1] // 2
        maps = np.pad(maps, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
        if kernel.shape[1] == 1 and kernel.shape[0] == maps.shape[-1] > 1:
            maps = tf.nn.depthwise_conv2d(maps, kernel.transpose(2, 3, 0, 1), (1, stride, stride, 1), "VALID").numpy()
        else:
            maps = tf.nn.conv2d(maps, kernel.transpose(2, 3, 1, 0), stride, "VALID").numpy()
        return maps + np.asarray(self.tensors[f"{name}.bias"], self.dtype) if bias else maps

    def _normed(self, maps, conv, norm, stride=1, activation=lambda maps: maps):
        weight, bias, mean, variance = (np.asarray(self.tensors[f"{norm}.{part}"], self.dtype) for part in
                                        ("weight", "bias", "running_mean", "running_var"))
        maps = self._conv(maps, conv, stride)
        scale = weight / np.sqrt(variance + self.dtype(self.epsilon))
        return activation(maps * scale + (bias - mean * scale))

    def trunk(self, batch):
        return self._mobile(batch) if self.kind == "mobile" else self._resnet(batch)

    def _resnet(self, maps):
        body, levels = "backbone.body", []
        maps = self._normed(maps, f"{body}.conv1", f"{body}.bn1", 2, relu)
        maps = np.pad(maps, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=-np.inf)
        rows, columns = (maps.shape[1] - 1) // 2, (maps.shape[2] - 1) // 2
        maps = np.max([maps[:, y:y + 2 * rows:2, x:x + 2 * columns:2] for y in range(3) for x in range(3)], axis=0)
        for stage in range(1, 5):
            for block in range(len({name.split(".")[3] for name in self.tensors if f"{body}.layer{stage}." in name})):
                place, stride = f"{body}.layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
                inner = self._normed(maps, f"{place}.conv1", f"{place}.bn1", 1, relu)
                inner = self._normed(inner, f"{place}.conv2", f"{place}.bn2", stride, relu)
                inner = self._normed(inner, f"{place}.conv3", f"{place}.bn3")
                if block == 0:
                    maps = self._normed(maps, f"{place}.downsample.0", f"{place}.downsample.1", stride)
                maps = relu(inner + maps)
            levels.append(maps)
        return levels

    def _mobile(self, maps):
        body, levels = "backbone.body", {}
        maps = self._normed(maps, f"{body}.0.0", f"{body}.0.1", 2, hard_swish)
        for number in range(1, 16):
            activation, place = relu if number < 7 else hard_swish, f"{body}.{number}.block"
            parts, inner = len({name.split(".")[4] for name in self.tensors if name.startswith(f"{place}.")}), maps
            for part in range(parts):
                name = f"{place}.{part}"
                if f"{name}.fc1.weight" in self.tensors:
                    mean = inner.mean((1, 2), keepdims=True)
                    hidden = relu(self._conv(mean, f"{name}.fc1", bias=True))
                    inner = inner * np.clip(self._conv(hidden, f"{name}.fc2", bias=True) / 6 + self.dtype(0.5), 0, 1)
                else:
                    depthwise = self.tensors[f"{name}.0.weight"].shape[-1] > 1
                    inner = self._normed(inner, f"{name}.0", f"{name}.1", 2 if depthwise and number in (2, 4, 7, 13)
                                         else 1, activation if part < parts - 1 else lambda maps: maps)
            maps = levels[number] = inner + maps if inner.shape == maps.shape else inner
        return [levels[13], self._normed(maps, f"{body}.16.0", f"{body}.16.1", 1, hard_swish)]

    def pyramid(self, maps):
        """The FPN's levels, finest first, and every second cell of the last."""
        coarser, levels = None, []
        for level in reversed(range(len(maps))):
            inner = self._lateral(maps[level], f"backbone.fpn.inner_blocks.{level}")
            if coarser is not None:
                rows = np.arange(inner.shape[1]) * coarser.shape[1] // inner.shape[1]
                columns = np.arange(inner.shape[2]) * coarser.shape[2] // inner.shape[2]
                inner = inner + coarser[:, rows][:, :, columns]
            levels.insert(0, self._lateral(inner, f"backbone.fpn.layer_blocks.{level}"))
            coarser = inner
        return [*levels, levels[-1][:, ::2, ::2]]

    def _lateral(self, maps, name):
        return self._normed(maps, f"{name}.0", f"{name}.1") if self.kind == "v2" else self._conv(maps, f"{name}.0",
                                                                                                bias=True)

    def features(self, batch):
        return self.pyramid(self.trunk(np.asarray(batch, self.dtype)))

    def rpn(self, levels):
        """Logits, a level (B, A), and deltas, a level (B, A, 4); anchors in order y, x, k."""
        logits, deltas = [], []
        for maps in levels:
            for depth in range(2 if self.kind == "v2" else 1):
                maps = relu(self._conv(np.asarray(maps, self.dtype), f"rpn.head.conv.{depth}.0", bias=True))
            logits.append(self._conv(maps, "rpn.head.cls_logits", bias=True).reshape(len(maps), -1))
            deltas.append(self._conv(maps, "rpn.head.bbox_pred", bias=True).reshape(len(maps), -1, 4))
        return logits, deltas

    # -- proposals

    def anchors(self, shapes, padded):
        """Anchors of maps of these shapes (rows, columns), of images padded to `padded` (height, width)."""
        sizes = [[32, 64, 128, 256, 512]] * 3 if self.kind == "mobile" else [[32], [64], [128], [256], [512]]
        found = []
        for (rows, columns), own in zip(shapes, sizes, strict=True):
            halves = np.round([[size / math.sqrt(ratio) / 2, size * math.sqrt(ratio) / 2] for ratio in RATIOS
                               for size in own])
            y, x = np.arange(rows) * (padded[0] // rows), np.arange(columns) * (padded[1] // columns)
            corner = np.stack(np.broadcast_arrays(x[None], y[:, None], x[None], y[:, None]), -1)
            found.append((corner[:, :, None] + np.concatenate([-halves, halves], 1)).reshape(-1, 4).astype(self.dtype))
        return found

    def propose(self, logits, deltas, anchors, size):
        """One image: logits, a level (A,), and so on -> boxes (P, 4) and scores (P,), best first."""
        least = 0.05 if self.kind == "mobile" else 0.0
        boxes, ranks = [], []
        for scores, moves, here in zip(logits, deltas, anchors, strict=True):
            best = np.argsort(-scores, kind="stable")[:self.before]
            moved = clip(decode(np.asarray(moves, self.dtype)[best], here[best]), size)
            scores = np.asarray(scores, self.dtype)[best]
            wide, high = moved[:, 2] - moved[:, 0], moved[:, 3] - moved[:, 1]
            good = (wide >= 1e-3) & (high >= 1e-3) & (sigmoid(scores) >= least)
            kept = suppress(moved[good], 0.7)
            boxes.append(moved[good][kept])
            ranks.append(scores[good][kept])
        boxes, ranks = map(np.concatenate, (boxes, ranks))
        best = np.argsort(-ranks, kind="stable")[:self.after]
        return boxes[best], sigmoid(ranks[best])

    # -- regions

    def pool(self, levels, image, boxes):
        """Regions (R, 4) of one image of the batch from their levels: (R, 7, 7, 256)."""
        boxes = np.asarray(boxes, self.dtype)
        area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        level = np.clip(np.floor(4 + np.log2(np.sqrt(area) / 224) + 1e-6), 2, 5).astype(int) - 2
        strides = (32,) if self.kind == "mobile" else (4, 8, 16, 32)
        level = level * (self.kind != "mobile")
        pooled = np.empty((len(boxes), 7, 7, 256), self.dtype)
        for number, stride in enumerate(strides):
            for part in np.array_split(np.flatnonzero(level == number), max(1, np.sum(level == number) // 50)):
                maps, own = np.asarray(levels[number][image], self.dtype), boxes[part] / self.dtype(stride)
                down = bins(own[:, 1], own[:, 3], maps.shape[0])
                across = bins(own[:, 0], own[:, 2], maps.shape[1])
                pooled[part] = tf.einsum("nyh,hwc,nxw->nyxc", down, maps, across, optimize="optimal").numpy() \
                    if len(part) else 0
        return pooled

    def head(self, pooled):
        """Pooled regions -> class logits (R, N) and deltas (R, N, 4)."""
        hidden, box = np.asarray(pooled, self.dtype), "roi_heads.box_head"
        if self.kind == "v2":
            for number in range(4):
                hidden = self._normed(hidden, f"{box}.{number}.0", f"{box}.{number}.1", 1, relu)
        hidden = hidden.transpose(0, 3, 1, 2).reshape(len(hidden), -1)
        for name in ("5",) if self.kind == "v2" else ("fc6", "fc7"):
            hidden = relu(self._dense(hidden, f"{box}.{name}"))
        logits = self._dense(hidden, "roi_heads.box_predictor.cls_score")
        return logits, self._dense(hidden, "roi_heads.box_predictor.bbox_pred").reshape(len(hidden), -1, 4)

    def _dense(self, rows, name):
        weight, bias = (np.asarray(self.tensors[f"{name}.{part}"], self.dtype) for part in ("weight", "bias"))
        return rows @ weight.T + bias

    def detect(self, logits, deltas, proposals, size, scores=None):
        """One image -> boxes (M, 4) in resized pixels, scores, labels; best first, of equals the first region.
        scores: in place of the softmax of logits."""
        if scores is None:
            powers = np.exp(np.asarray(logits, self.dtype) - logits.max(1, keepdims=True))
            scores = powers / powers.sum(1, keepdims=True)
        found = []
        for label in range(1, scores.shape[1]):
            moved = clip(decode(np.asarray(deltas, self.dtype)[:, label] / self.dtype([10, 10, 5, 5]), proposals), size)
            good = (scores[:, label] > 0.05) & (moved[:, 2] - moved[:, 0] >= 1e-2) & (moved[:, 3] - moved[:, 1] >= 1e-2)
            order = np.flatnonzero(good)[np.argsort(-scores[good, label], kind="stable")]
            kept = order[suppress(moved[order], 0.5)]
            found.append((moved[kept], scores[kept, label], np.full(len(kept), label), kept))
        boxes, scores, labels, regions = (np.concatenate(part) for part in zip(*found, strict=True))
        best = np.lexsort((labels, regions, -scores))[:100]
        return boxes[best], scores[best], labels[best]

    def predict(self, image):
        """One image from end to end: boxes in its own pixels, scores, labels."""
        batch, sizes = self.prepare([image])
        levels = self.features(batch)
        logits, deltas = self.rpn(levels)
        anchors = self.anchors([level.shape[1:3] for level in levels], batch.shape[1:3])
        proposals, _ = self.propose([part[0] for part in logits], [part[0] for part in deltas], anchors, sizes[0])
        boxes, scores, labels = self.detect(*self.head(self.pool(levels, 0, proposals)), proposals, sizes[0])
        return boxes * np.tile(np.array(image.shape[:2])[::-1] / sizes[0][::-1], 2), scores, labels


def relu(maps):
    return np.maximum(maps, 0)


def sigmoid(logits):
    return 0.5 * (1 + np.tanh(logits / 2))


def hard_swish(maps):
    return maps * np.clip(maps + 3, 0, 6) / 6
