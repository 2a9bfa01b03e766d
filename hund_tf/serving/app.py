"""The paths of the server, as an ASGI application.

  POST /v1/models/NAME[/versions/V]:predict   instances or inputs -> outputs
  GET  /v1/models/NAME[/versions/V]           whether it is served
  GET  /v1/models/NAME[/versions/V]/metadata  signatures
  GET  /healthz, /healthz/live                200 while the process answers
  GET  /healthz/ready                         200 if requests are answered
  GET  /metrics                               counters, Prometheus' format

Errors are JSON, `{"error": message}`. No path and no value names a file.
"""

import logging
import time
from collections.abc import AsyncIterator

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from hund_tf.serving import metrics
from hund_tf.serving.refusals import Refused
from hund_tf.serving.service import Service

_JSON = "application/json"
_LOG = logging.getLogger(__name__)
_MODEL = "/v1/models/{name}"
_VERSION = "/versions/{version:int}"


def make_app(service: Service, model_name: str) -> Starlette:
  """The application of a service.

  Args:
    service: answers predict requests.
    model_name: of the model in the paths.
  """
  paths = _Paths(service, model_name)
  routes = []
  for start in (_MODEL, _MODEL + _VERSION):
    routes += [
      Route(start + ":predict", paths.predict, methods=["POST"]),
      Route(start + "/metadata", paths.metadata),
      Route(start, paths.status),
    ]
  routes += [
    Route("/healthz", paths.live),
    Route("/healthz/live", paths.live),
    Route("/healthz/ready", paths.ready),
    Route("/metrics", paths.metrics),
  ]
  return Starlette(routes=routes, exception_handlers={HTTPException: _no_path})


class _Paths:
  """What each path gives."""

  def __init__(self, service: Service, model_name: str):
    self._service, self._name = service, model_name

  async def predict(self, request: Request) -> Response:
    begin = time.monotonic()
    try:
      self._check(request)
      answer = await self._service.predict(
        _chunks(request), _length(request), request.receive
      )
      response = Response(answer, media_type=_JSON)
    except Refused as refused:
      response = _refusal(refused)
    except ClientDisconnect:
      response = _error(499, "the client has left")
    except Exception:
      _LOG.exception("a request failed")
      response = _error(500, "the server failed; its log has more")
    self._service.metrics.answered(
      response.status_code, time.monotonic() - begin
    )
    return response

  async def status(self, request: Request) -> Response:
    try:
      self._check(request)
    except Refused as refused:
      return _refusal(refused)
    model = self._service.model
    version = {
      "version": str(model.version if model else 1),
      "state": self._service.state,
      "status": {"error_code": "OK", "error_message": ""},
    }
    return _json({"model_version_status": [version]})

  async def metadata(self, request: Request) -> Response:
    model = self._service.model
    try:
      self._check(request)
      if model is None:
        raise Refused(503, "the model is being loaded", 1)
    except Refused as refused:
      return _refusal(refused)
    spec = {
      "name": self._name,
      "signature_name": "",
      "version": str(model.version),
    }
    signatures = {"signature_def": model.signature_json}
    return _json(
      {"model_spec": spec, "metadata": {"signature_def": signatures}}
    )

  async def live(self, request: Request) -> Response:
    del request
    return _json({"live": True, "ready": self._service.ready})

  async def ready(self, request: Request) -> Response:
    del request
    ready = self._service.ready
    return _json({"live": True, "ready": ready}, 200 if ready else 503)

  async def metrics(self, request: Request) -> Response:
    del request
    text = self._service.metrics.text()
    return Response(text, headers={"content-type": metrics.CONTENT_TYPE})

  def _check(self, request: Request) -> None:
    """Raises Refused if the path names no model that is served."""
    name = request.path_params["name"]
    version = request.path_params.get("version")
    model = self._service.model
    known = model is None or version in (None, model.version)
    if name != self._name or not known:
      which = (
        f"Latest({name[:80]})"
        if version is None
        else (f"Specific({name[:80]}, {version})")
      )
      raise Refused(404, f"Servable not found for request: {which}")


async def _chunks(request: Request) -> AsyncIterator[bytes]:
  async for chunk in request.stream():
    yield chunk


def _length(request: Request) -> int | None:
  text = request.headers.get("content-length", "")
  return int(text) if text.isascii() and text.isdigit() else None


def _json(value: object, status: int = 200) -> Response:
  return Response(orjson.dumps(value), status, media_type=_JSON)


def _error(status: int, message: str, retry_s: int | None = None) -> Response:
  response = _json({"error": message}, status)
  if retry_s is not None:
    response.headers["retry-after"] = str(retry_s)
  return response


def _refusal(refused: Refused) -> Response:
  return _error(refused.status, str(refused), refused.retry_s)


async def _no_path(request: Request, error: Exception) -> Response:
  assert isinstance(error, HTTPException)
  place = f"{request.method} {request.url.path[:200]}"
  response = _error(error.status_code, f"Malformed request: {place}")
  response.headers.update(error.headers or {})
  return response
