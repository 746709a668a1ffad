"""TensorFlow Serving's REST API (predict, status, metadata) around a SavedModel, on a port of this machine.

As the server's own, it hands on tensors of whatever shape was sent: the signature's is metadata. Python's Session.run
would look at it first.
"""

import base64
import contextlib
import http.server
import json
import re
import threading

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow.core.protobuf import config_pb2

PATH = re.compile(r"/v1/models/(?P<name>[^/:]+)(/versions/(?P<version>\d+))?(?P<rest>:predict|/metadata)?")


class Refused(Exception):
    """An answer with code 400 or 404 and {"error": ...}."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Model:
    """A SavedModel as a server has it in memory."""

    def __init__(self, folder, stack):
        self.session = stack.enter_context(contextlib.closing(tf.compat.v1.Session(graph=tf.Graph())))
        with self.session.graph.as_default():
            meta = tf.compat.v1.saved_model.loader.load(self.session, ["serve"], str(folder))
        self.signatures = {name: signature for name, signature in meta.signature_def.items()
                           if not name.startswith("__")}
        self.version, self._callables = folder.name, {}

    def run(self, name, tensors):
        """Outputs by name, as NumPy arrays; tensors: NumPy arrays of any shape, by input."""
        signature = self.signatures[name]
        if name not in self._callables:
            feeds = sorted(signature.inputs)
            options = config_pb2.CallableOptions(feed=[signature.inputs[feed].name for feed in feeds],
                                                 fetch=[info.name for info in signature.outputs.values()])
            self._callables[name] = feeds, self.session._make_callable_from_options(options)  # nothing looks at shapes
        feeds, call = self._callables[name]
        return dict(zip(signature.outputs, call(*(tensors[feed] for feed in feeds)), strict=True))

    def predict(self, body):
        """The answer to a request's JSON."""
        name = body.get("signature_name") or "serving_default"
        if name not in self.signatures:
            raise Refused(400, f"Serving signature name: \"{name}\" not found in signature def")
        infos = self.signatures[name].inputs
        if ("instances" in body) == ("inputs" in body):
            raise Refused(400, "Missing 'inputs' or 'instances' key")
        rows = "instances" in body
        given = by_row(body["instances"], infos) if rows else by_column(body["inputs"], infos)
        for key in given:
            if key not in infos:
                raise Refused(400, f"input tensor alias not found in signature: {key}. Inputs expected to be in the "
                                   f"set {{{','.join(infos)}}}.")
        try:
            outputs = self.run(name, {key: tensor_of(value, infos[key].dtype, key) for key, value in given.items()})
        except tf.errors.OpError as error:
            raise Refused(400, error.message) from error
        lists = {key: listed(value) for key, value in outputs.items()}
        if not rows:
            return {"outputs": lists if len(lists) > 1 else next(iter(lists.values()))}
        sizes = {len(value) for value in outputs.values()}  # a scalar has none, and fails
        if len(sizes) != 1:
            raise Refused(400, "Tensors have inconsistent batch size")
        return {"predictions": [{key: value[index] for key, value in lists.items()} for index in range(sizes.pop())]}

    def metadata(self, name):
        signatures = {key: json_format.MessageToDict(signature, preserving_proto_field_name=True)
                      for key, signature in self.signatures.items()}
        return {"model_spec": {"name": name, "signature_name": "", "version": self.version},
                "metadata": {"signature_def": {"signature_def": signatures}}}


def by_row(instances, infos):
    """Row format: an object an instance, or where there is one input its value alone."""
    if not isinstance(instances, list) or not instances:
        raise Refused(400, "Expecting 'instances' value to be a non-empty list/array")
    if not isinstance(instances[0], dict) or set(instances[0]) == {"b64"}:
        return {next(iter(infos)): instances}
    return {key: [instance[key] for instance in instances] for key in instances[0]}


def by_column(inputs, infos):
    """Column format: an object of inputs, or where there is one input its value alone."""
    return inputs if isinstance(inputs, dict) and set(inputs) != {"b64"} else {next(iter(infos)): inputs}


def tensor_of(value, kind, key):
    if kind == tf.string.as_datatype_enum:
        return np.array(decoded(value), object)
    try:
        return np.array(value, tf.dtypes.as_dtype(kind).as_numpy_dtype)
    except (ValueError, TypeError, OverflowError) as error:
        raise Refused(400, f"JSON Value for {key} is not of the signature's type ({error})") from error


def decoded(value):
    """Strings of nested lists; {"b64": ...} are bytes."""
    if isinstance(value, list):
        return [decoded(one) for one in value]
    return base64.b64decode(value["b64"], validate=True) if isinstance(value, dict) else value.encode()


def listed(value):
    if value.dtype == object:
        return np.vectorize(lambda word: word.decode(), otypes=[object])(value).tolist() if value.size else []
    return value.tolist()


@contextlib.contextmanager
def rest_server(folders):
    """http://127.0.0.1:PORT of a server of these models; folders: of a version each, by the model's name."""
    with contextlib.ExitStack() as stack:
        models = {name: Model(folder, stack) for name, folder in folders.items()}

        class Handler(http.server.BaseHTTPRequestHandler):
            def _answer(self, method, content):
                found = PATH.fullmatch(self.path)
                if not found or found["name"] not in models:
                    raise Refused(404, f"Servable not found for request: {self.path}")
                model = models[found["name"]]
                if found["version"] not in (None, model.version):
                    raise Refused(404, f"Servable not found for request: {self.path}")
                if method == "POST" and found["rest"] == ":predict":
                    try:
                        body = json.loads(content)
                    except ValueError as error:
                        raise Refused(400, f"JSON Parse error: {error}") from error
                    return model.predict(body)
                if found["rest"] == "/metadata":
                    return model.metadata(found["name"])
                return {"model_version_status": [{"version": model.version, "state": "AVAILABLE",
                                                  "status": {"error_code": "OK", "error_message": ""}}]}

            def _do(self, method):
                content = self.rfile.read(int(self.headers["Content-Length"] or 0))
                try:
                    code, answer = 200, self._answer(method, content)
                except Refused as error:
                    code, answer = error.code, {"error": str(error)}
                body = json.dumps(answer).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                self._do("POST")

            def do_GET(self):
                self._do("GET")

            def log_message(self, *words):
                pass

        server = stack.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        stack.callback(thread.join)
        stack.callback(server.shutdown)
        yield f"http://127.0.0.1:{server.server_address[1]}"
