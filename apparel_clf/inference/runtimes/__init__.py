"""What can run a trained network: Keras, ONNX Runtime, LiteRT, OpenVINO."""
