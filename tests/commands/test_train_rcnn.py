from frcnn_keras.commands import train_rcnn
from frcnn_keras.settings.detector import DetectionConfig
from frcnn_keras.settings.learning import ScoredFitConfig
from frcnn_keras.settings.stages import RCNNConfig, StageHeadConfig
from frcnn_keras.training import rcnn_stage


def test_flags_become_arguments(asked_of, capsys):
    asked = asked_of(rcnn_stage, "train_rcnn")
    assert train_rcnn.run(["--data", "d", "--val", "v", "--run", "r", "--fresh", "--head", "backbone_top", "--roi-op",
                           "pool", "--head-weights", "other", "--max-detections", "7", "--epochs", "2"]) == 0
    config = RCNNConfig(ScoredFitConfig(epochs=2, batch=4, learning_rate=7e-4),
                        StageHeadConfig(kind="backbone_top", roi_op="pool", weights="other"),
                        detections=DetectionConfig(limit=7))
    assert asked == [(("d", "r", config), {"val": "v", "fresh": True, "distribution": "devices of none"})]
    told = capsys.readouterr()
    assert told.out == "loss 1.2500  AP 0.3333\n"  # of the last epoch
    assert "next: python -m frcnn_keras evaluate --run r " in told.err and " predict --run r " in told.err
