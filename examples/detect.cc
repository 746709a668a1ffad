// Detects objects in image files with TensorFlow's own C++ SavedModel loader, the one that TensorFlow Serving has.
//
//     detect FOLDER IMAGE...         FOLDER: an exported version, such as work/serving/cells/1
//
// The images go in one request. Prints "image HEIGHT WIDTH COUNT" for each, and for each of its detections
// "CLASS SCORE YMIN XMIN YMAX XMAX NAME". Built against the headers and libraries in TensorFlow's Python package:
//
//     TF=$(python -c 'import tensorflow as tf; print(tf.sysconfig.get_lib())')
//     g++ -std=c++17 -w examples/detect.cc -o detect -isystem "$TF/include" -DEIGEN_MAX_ALIGN_BYTES=64 -L"$TF" \
//         -Wl,--no-as-needed -l:libtensorflow_cc.so.2 -l:libtensorflow_framework.so.2 -Wl,-rpath,"$TF"
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tensorflow/cc/saved_model/loader.h"
#include "tensorflow/core/framework/tensor.h"
#include "tensorflow/core/public/session.h"

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s FOLDER IMAGE...\n", argv[0]);
    return 2;
  }
  tensorflow::SavedModelBundle bundle;
  auto status = tensorflow::LoadSavedModel({}, {}, argv[1], {"serve"}, &bundle);
  if (!status.ok()) {
    std::fprintf(stderr, "load: %s\n", std::string(status.message()).c_str());
    return 1;
  }
  const auto& signature = bundle.GetSignatures().at("serving_default");
  const int count = argc - 2;
  tensorflow::Tensor images(tensorflow::DT_STRING, {count});
  for (int index = 0; index < count; ++index) {
    std::ifstream file(argv[index + 2], std::ios::binary);
    if (!file) {
      std::fprintf(stderr, "%s: cannot be read\n", argv[index + 2]);
      return 2;
    }
    std::ostringstream content;
    content << file.rdbuf();
    images.vec<tensorflow::tstring>()(index) = content.str();
  }
  std::vector<std::string> names;
  for (const char* key : {"num_detections", "detection_classes", "detection_scores", "detection_boxes",
                          "detection_class_names", "image_size"}) {
    names.push_back(signature.outputs().at(key).name());
  }
  std::vector<tensorflow::Tensor> found;
  status = bundle.session->Run({{signature.inputs().at("image_bytes").name(), images}}, names, {}, &found);
  if (!status.ok()) {
    std::fprintf(stderr, "run: %s\n", std::string(status.message()).c_str());
    return 1;
  }
  for (int index = 0; index < count; ++index) {
    const int objects = static_cast<int>(found[0].vec<float>()(index));
    const auto sizes = found[5].matrix<int>();
    std::printf("image %d %d %d\n", sizes(index, 0), sizes(index, 1), objects);
    for (int row = 0; row < objects; ++row) {
      const auto boxes = found[3].tensor<float, 3>();
      std::printf("%g %.9g %.9g %.9g %.9g %.9g %s\n", found[1].matrix<float>()(index, row),
                  found[2].matrix<float>()(index, row), boxes(index, row, 0), boxes(index, row, 1),
                  boxes(index, row, 2), boxes(index, row, 3),
                  found[4].matrix<tensorflow::tstring>()(index, row).c_str());
    }
  }
  return 0;
}
