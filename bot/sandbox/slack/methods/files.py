"""files.*: the upload in three steps, as files_upload_v2 does it."""

from __future__ import annotations

from bot.sandbox.slack.arguments import Args
from bot.sandbox.slack.methods.method import Method, own_conversation
from bot.sandbox.slack.records import BOT_USER, Message, Upload
from bot.sandbox.slack.refusals import SlackRefuses, Wire
from bot.sandbox.slack.workspace import Workspace

WRITE = ("files:write",)


def announce(workspace: Workspace, args: Args) -> Wire:
    """Say where the bytes of a file go."""
    upload = Upload(workspace.new_id("F"), args.needed("filename"), args.number("length", 0))
    if upload.length <= 0:
        raise SlackRefuses("file_upload_size_restricted")
    workspace.uploads[upload.id] = upload
    return {"upload_url": f"{workspace.base_url}/upload/{upload.id}", "file_id": upload.id}


def complete(workspace: Workspace, args: Args) -> Wire:
    """Finish uploads and share them in a channel."""
    uploads = [_filled(workspace, entry) for entry in args.json("files") or []]
    if "channel_id" in args:
        channel = own_conversation(workspace, args, "channel_id")
        thread_ts = args.text("thread_ts")
        root = workspace.root_for(channel.id, thread_ts) if thread_ts else None
        text = args.text("initial_comment")
        files = tuple(upload.wire() for upload in uploads)
        workspace.post(Message(channel.id, workspace.new_ts(), BOT_USER, text, thread_ts=root, files=files))
    for upload in uploads:
        upload.completed = True
    return {"files": [upload.wire() for upload in uploads]}


def _filled(workspace: Workspace, entry: Wire) -> Upload:
    upload = workspace.uploads.get(str(entry.get("id")))
    if upload is None or upload.content is None:
        raise SlackRefuses("file_not_found")
    if len(upload.content) != upload.length:
        raise SlackRefuses("file_update_failed")
    upload.title = str(entry.get("title") or upload.name)
    return upload


def _completed(workspace: Workspace, args: Args) -> Upload:
    upload = workspace.uploads.get(args.needed("file"))
    if upload is None or not upload.completed:
        raise SlackRefuses("file_not_found")
    return upload


def info(workspace: Workspace, args: Args) -> Wire:
    """Describe a file."""
    return {"file": _completed(workspace, args).wire()}


def delete(workspace: Workspace, args: Args) -> Wire:
    """Delete a file."""
    del workspace.uploads[_completed(workspace, args).id]
    return {}


METHODS = {
    "files.getUploadURLExternal": Method(announce, 100, WRITE, ("filename", "length")),
    "files.completeUploadExternal": Method(complete, 100, WRITE, ("files",)),
    "files.info": Method(info, 100, ("files:read",), ("file",)),
    "files.delete": Method(delete, 50, WRITE, ("file",)),
}
