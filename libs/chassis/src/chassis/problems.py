"""Everything that is not a success, as RFC 9457 problem+json in the reader's language."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar

import orjson
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from engine.decider import NotFound, Rejected

OWNER = "kehu"
"""The name under which the refusals of the chassis resolve: ``/problems/kehu/<code>``."""
MEDIA_TYPE = "application/problem+json"
LANGUAGES = ("en", "zh-CN")
CHALLENGE = 'Bearer realm="kehu"'
"""What a 401 without any token asks for."""


class Fault(Rejected):
    """A refusal that no service states: the request, its sender or this server is at fault. `status` is HTTP's."""

    status: ClassVar[int] = 500


class Malformed(Fault):
    """The request is malformed; each error names its place."""

    zh = "请求格式不正确，各处错误见 errors。"
    status = 422


class MissingIdempotencyKey(Fault):
    """A request that changes something needs the header Idempotency-Key."""

    zh = "修改数据的请求必须带 Idempotency-Key 请求头。"
    status = 422


class KeyReused(Fault):
    """This Idempotency-Key was used before, with another request."""

    zh = "该 Idempotency-Key 已用于另一个不同的请求。"
    status = 422


class Unauthenticated(Fault):
    """No valid bearer token came with the request."""

    zh = "请求未携带有效的 Bearer 令牌。"
    status = 401


class MissingRole(Fault):
    """This needs one of the roles: {roles}."""

    zh = "此操作需要以下角色之一：{roles}。"
    status = 403


class UnknownPath(Fault):
    """There is nothing at this path."""

    zh = "该路径不存在。"
    status = 404


class NotYours(Fault):
    """There is no such customer among those you look after, nor anything of that name of theirs."""

    zh = "您负责的客户中没有该客户，也没有其名下的该项内容。"
    status = 404


class MethodNotAllowed(Fault):
    """This path does not answer the method {method}."""

    zh = "该路径不支持 {method} 方法。"
    status = 405


class VersionConflict(Fault):
    """What you saw has changed since: the version in If-Match is no longer the present one."""

    zh = "数据已被修改：If-Match 中的版本不是当前版本。"
    status = 412


class TooLarge(Fault):
    """The body is larger than {limit} bytes."""

    zh = "请求体超过 {limit} 字节。"
    status = 413


class UnsupportedMediaType(Fault):
    """The body must be {expected}."""

    zh = "请求体必须是 {expected}。"
    status = 415


class TooManyRequests(Fault):
    """Too many requests at once; try again a little later."""

    zh = "请求过多，请稍后重试。"
    status = 429


class WrongHost(Fault):
    """This server does not answer for {host}; names it answers for are set by KEHU_HTTP__HOSTS."""

    zh = "本服务器不应答 {host}；应答的主机名由 KEHU_HTTP__HOSTS 设定。"
    status = 421


class HeadTooLarge(Fault):
    """The query string may have {query} bytes, all headers together {headers}."""

    zh = "查询串最多 {query} 字节，全部标头合计最多 {headers} 字节。"
    status = 431


class Unexpected(Fault):
    """Something went wrong on our side; the correlation id finds it in the logs."""

    zh = "服务器内部错误，可凭 correlation 在日志中查找。"
    status = 500


class Unavailable(Fault):
    """The store cannot be reached at the moment; try again with the same Idempotency-Key."""

    zh = "存储暂时不可用，请用相同的 Idempotency-Key 重试。"
    status = 503


class StorageFull(Fault):
    """The disk of the database is full: make room, then send this again; what was answered is kept, nothing twice."""

    zh = "数据库所在磁盘已满：请先释放磁盘空间，然后重新发送本次请求。已答复的内容均已保存，不会重复处理。"
    status = 507


class ViewBehind(Fault):
    """What is read here has not reached position {position} yet; try again a little later."""

    zh = "所读视图尚未到达位置 {position}，请稍后重试。"
    status = 503


class UnknownType(Fault):
    """Documents of the type {type} are not taken here."""

    zh = "此处不接收 {type} 类型的单据。"
    status = 422


class UnknownVersion(Fault):
    """The document type {type} is not known in this version; known is {known}."""

    zh = "单据类型 {type} 的该版本未知，已知的是 {known}。"
    status = 422


class InvalidDocument(Fault):
    """The document does not have the shape of {type}; its defects are named."""

    zh = "单据不符合 {type} 的格式，各处错误已列出。"
    status = 422


class InvalidMessage(Fault):
    """This is no CloudEvent 1.0: {reason}."""

    zh = "这不是有效的 CloudEvent 1.0 消息：{reason}。"
    status = 422


class OtherBody(Fault):
    """A message with this source and id was taken before with another body; that one stands."""

    zh = "相同 source 与 id 的消息此前已以不同内容接收，以先前的为准。"
    status = 409


class WaitedTooLong(Fault):
    """What the document refers to did not arrive within {days} days ({reason})."""

    zh = "单据所引用的对象在 {days} 天内未到达（{reason}）。"
    status = 409


class CannotRollBack(Fault):
    """No earlier build of the view {view} is kept that could be put back."""

    zh = "视图 {view} 没有可回退的先前版本。"
    status = 409


class Undecidable(Fault):
    """An error on our side kept this document from being decided; send it again when it is mended."""

    zh = "系统内部错误导致该单据无法处理，请在修复后重新发送。"
    status = 500


class InitialLoadOver(Fault):
    """The company has gone live: recorded times are no longer asserted, send documents without origin=initial_load."""

    zh = "公司已正式上线：不再接受初始导入，请去掉 origin=initial_load 后发送。"
    status = 409


FAULTS_BY_STATUS: Mapping[int, type[Fault]] = {
    401: Unauthenticated,
    404: UnknownPath,
    412: VersionConflict,
    422: Malformed,
    429: TooManyRequests,
    503: Unavailable,
}


class Defect(BaseModel):
    """One thing wrong with a request: where (JSON pointer into body, query or headers) and what."""

    pointer: str = Field(examples=["/body/amount/currency"])
    message: str = Field(examples=["Input should be a valid string"])


class ProblemBody(BaseModel):
    """RFC 9457. `type` resolves on this origin to the rule: both sentences, its place in the code, its test."""

    type: str = Field(examples=["/problems/credit/over-allocation"])
    title: str = Field(examples=["The invoice has only 40.00 open."])
    status: int = Field(examples=[409])
    params: dict[str, Any] = Field(default_factory=dict, examples=[{"open": "40.00"}])
    errors: list[Defect] = Field(default_factory=list)
    correlation: str | None = None


class Problem(HTTPException):
    """Raised anywhere in a request; the app answers it in the reader's language."""

    def __init__(
        self,
        rule: Rejected,
        *,
        errors: Sequence[Defect] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status_of(rule), detail=rule.code(), headers=dict(headers or {}))
        self.rule, self.errors = rule, errors


def challenged(fault: Fault) -> Problem:
    """The problem of a token that is not taken, with the challenge of RFC 6750."""
    said = f'error="invalid_token", error_description="{sentence(type(fault), {})}"'
    return Problem(fault, headers={"WWW-Authenticate": f"{CHALLENGE}, {said}"})


def status_of(rule: Rejected) -> int:
    """409 for a rule of a service, 404 where something was not found, a fault's own status."""
    if isinstance(rule, Fault):
        return rule.status
    return 404 if isinstance(rule, NotFound) else 409


def type_of(rule: type[Rejected], service: str) -> str:
    """The URI reference that is the problem's type and resolves to the rule."""
    return f"/problems/{OWNER if issubclass(rule, Fault) else service}/{rule.code()}"


class _Blanks(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "…"


def sentence(rule: type[Rejected], params: Mapping[str, Any], language: str = "en") -> str:
    """What the rule says, its placeholders filled; a parameter that is not there shows as an ellipsis."""
    return template(rule, language).format_map(_Blanks(params))


def template(rule: type[Rejected], language: str = "en") -> str:
    """The rule's sentence with its placeholders; English where the Chinese one is missing."""
    english = " ".join((rule.__doc__ or rule.code()).split("\n\n")[0].split())
    return (rule.zh or english) if language == "zh-CN" else english


def language_of(accept: str | None) -> str:
    """``en`` or ``zh-CN``, whichever the Accept-Language header prefers; English by default."""
    best, weight = "en", 0.0
    for part in (accept or "").split(","):
        tag, _, q = part.strip().partition(";q=")
        found = _language(tag.strip().lower())
        share = _quality(q)
        if found and share > weight:
            best, weight = found, share
    return best


def _language(tag: str) -> str | None:
    if tag.startswith("zh"):
        return "zh-CN"
    return "en" if tag.startswith("en") or tag == "*" else None


def _quality(q: str) -> float:
    try:
        return float(q) if q else 1.0
    except ValueError:
        return 0.0


def answer(problem: Problem, service: str, accept_language: str | None, correlation: str | None = None) -> Response:
    """The response that states `problem`, met in a request to `service`."""
    language = language_of(accept_language)
    rule = problem.rule
    body = ProblemBody(
        type=type_of(type(rule), service),
        title=sentence(type(rule), rule.params, language),
        status=problem.status_code,
        params=dict(rule.params),
        errors=list(problem.errors),
        correlation=correlation,
    )
    headers = {**(problem.headers or {}), "Content-Language": language, "Vary": "Accept-Language"}
    content = orjson.dumps(body.model_dump(exclude_none=True), default=str)
    return Response(content, problem.status_code, headers, MEDIA_TYPE)


def of_validation(error: RequestValidationError) -> Problem:
    """The problem of a request that has not the shape OpenAPI states. Values are left out: they may be personal."""
    return Problem(Malformed(), errors=defects(error.errors()))


_NO_LIST = ("tuple_type", "list_type", "set_type", "frozen_set_type")
_NO_OBJECT = ("model_type", "model_attributes_type", "dict_type", "dataclass_type")


def defects(errors: Sequence[Any]) -> list[Defect]:
    """pydantic's errors as pointers and messages, values left out."""
    return [Defect(pointer=pointer(e["loc"]), message=_message(e)) for e in errors]


def _message(error: Any) -> str:
    """What pydantic says, without its own terms."""
    if error["type"] in _NO_OBJECT:
        return "Input should be an object"
    if error["type"] in _NO_LIST:
        return "Input should be a list"
    return str(error["msg"]).removeprefix("Value error, ")


def pointer(loc: Sequence[int | str]) -> str:
    """A JSON pointer (RFC 6901) to a place: ``/body/lines/0/price``."""
    return "".join("/" + str(p).replace("~", "~0").replace("/", "~1") for p in loc)


def of_http(error: HTTPException, method: str, allowed: Iterable[str] = ()) -> Problem:
    """The problem behind a plain HTTP error of the framework; `allowed` are the methods of the path."""
    if isinstance(error, Problem):
        return error
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return Problem(MethodNotAllowed(method=method), headers={"Allow": ", ".join(sorted(allowed))})
    fault = FAULTS_BY_STATUS.get(error.status_code)
    if fault is None:
        fault = Malformed if error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR else Unexpected
    unread = [Defect(pointer="/body", message=str(error.detail))] if error.status_code == HTTPStatus.BAD_REQUEST else ()
    return Problem(fault(), errors=unread, headers=error.headers)


BODY = "#/components/schemas/ProblemBody"
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": {MEDIA_TYPE: {"schema": {"$ref": BODY}}}}
    for status, text in (
        (401, "no valid token"),
        (403, "a role is missing"),
        (404, "what is named does not exist"),
        (409, "a rule refused; `type` names it"),
        (412, "the version in If-Match is not the present one"),
        (413, "the body is too large"),
        (415, "the body is not JSON"),
        (429, "too many requests; see Retry-After"),
        (422, "malformed; each error names its place"),
        (500, "something went wrong on our side"),
        (503, "the store or a view is not ready; see Retry-After"),
        (507, "the disk of the database is full; make room and send it again"),
    )
}
"""For OpenAPI: what every route may answer instead. Told, not typed: FastAPI would build each anew for each route."""
