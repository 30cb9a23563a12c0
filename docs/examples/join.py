"""A whole evening in one file: python3 join.py http://127.0.0.1:3000   (needs: pip install python-socketio aiohttp)

The asyncio client, because it hands events over in the order in which they came; the threaded one does not promise that.
"""

import asyncio
import json
import sys
import time
import uuid

import aiohttp
import socketio

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:3000"

sio = socketio.AsyncClient()
followed = {}


async def post(http, name, data, token=None):
    """Calls over HTTP. A reply comes bare with 200; refusals and faults look as they do over the socket."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    async with http.post(f"{URL}/api/{name.replace(':', '/')}", json=data, headers=headers) as response:
        body = await response.json()
        return {"ok": True, "reply": body} if response.status == 200 else body


async def call(name, data):
    """Calls over the socket. Whoever hears nothing, or a fault that may be retried, sends the very same input again:
    its requestId makes that safe, and gets the first answer if there was one."""
    for tries in range(1, 6):
        try:
            outcome = await sio.call(name, data, timeout=10)
        except (socketio.exceptions.TimeoutError, socketio.exceptions.BadNamespaceError):
            outcome = {"ok": False, "fault": "unknown", "retryAfterMs": 500}
        if outcome["ok"] or "why" in outcome or outcome["retryAfterMs"] is None or tries == 5:
            return outcome
        await asyncio.sleep(outcome["retryAfterMs"] / 1000)


async def follow(feed, feed_id, kind):
    """Joins a feed: kind is 'log' (every entry counts) or 'state' (only the latest does)."""
    one = {"feed": feed, "id": feed_id, "kind": kind, "position": None, "entries": [], "state": {}}
    followed[(feed, feed_id)] = one
    return await join(one)


async def join(one):
    data = {"feed": one["feed"], "id": one["id"]}
    if one["kind"] == "log" and one["position"] is not None:
        data["from"] = one["position"]
    joined = asyncio.get_running_loop().create_future()

    def taken_up(outcome):
        # In the acknowledgement itself and not after an await: the first event may follow in the same breath.
        if not outcome["ok"]:
            joined.set_exception(RuntimeError(f"{one['feed']} {one['id']}: {outcome}"))
            return
        reply = outcome["reply"]
        one["position"] = reply["position"]
        one["recovered"] = reply.get("recovered")
        if one["kind"] == "state":
            one["state"] = reply["snapshot"]
        elif reply.get("recovered"):
            one["entries"] += reply["entries"]
        else:
            one["entries"] = list(reply["snapshot"]["entries"])
        joined.set_result(one)

    await sio.emit("feeds:join", data, callback=taken_up)
    return await asyncio.wait_for(joined, 10)


def on_log(feed):
    @sio.on(feed)
    def heard(event):
        one = followed.get((feed, event["id"]))
        if one:
            one["position"] = event["position"]
            one["entries"] += event["entries"]


def on_state(feed):
    @sio.on(feed)
    def heard(event):
        one = followed.get((feed, event["id"]))
        if one:
            # A state event carries the fields that changed.
            one["state"] = {**one["state"], **event["state"]}


on_log("live:chat")
on_state("deals:stock")
on_state("deals:mine")


@sio.event
async def connect():
    # What is followed is joined again at every reconnect, a log with the position that was reached.
    for one in list(followed.values()):
        await join(one)


@sio.on("feeds:behind")
async def behind(event):
    await join(followed[(event["feed"], event["id"])])


@sio.on("system:bye")
def bye(event):
    print("sent away:", event["code"], file=sys.stderr)


async def until(true):
    for _ in range(500):
        if true():
            return
        await asyncio.sleep(0.02)
    raise TimeoutError("what was waited for did not come")


async def evening(http):
    guest = await post(http, "identity:guest", {"displayName": "Example"})
    token, shopper_id = guest["reply"]["token"], guest["reply"]["shopperId"]
    print("guest:", shopper_id)

    # The token goes in the packet that joins the namespace, not in a header.
    await sio.connect(URL, auth={"token": token}, transports=["websocket"])

    asked_at_ms = time.time() * 1000
    clock = await call("clock:now", {})
    ahead_ms = clock["reply"]["nowMs"] - (asked_at_ms + time.time() * 1000) / 2
    print("clock: the server is", round(ahead_ms), "ms ahead")

    def is_on(from_ms, to_ms):
        return from_ms <= time.time() * 1000 + ahead_ms < to_ms

    sessions = (await call("live:list", {}))["reply"]["sessions"]
    for session in [one for one in sessions if is_on(one["startsAtMs"], one["endsAtMs"])][:1]:
        session_id = session["sessionId"]
        chat = await follow("live:chat", session_id, "log")

        def times(message_id):
            return sum(line["messageId"] == message_id for line in chat["entries"])

        line = {"requestId": str(uuid.uuid4()), "sessionId": session_id, "text": "Hello from a stock client"}
        said = await call("live:say", line)
        await until(lambda: times(said["reply"]["messageId"]) == 1)
        print("chat: said and heard", said["reply"]["messageId"])

        # Away for a moment; what is said meanwhile comes with the position.
        await sio.disconnect()
        line = {"requestId": str(uuid.uuid4()), "sessionId": session_id, "text": "Said while away"}
        missed = await post(http, "live:say", line, token)
        await sio.connect(URL, auth={"token": token}, transports=["websocket"])
        await until(lambda: times(missed["reply"]["messageId"]) > 0)
        came = times(missed["reply"]["messageId"])
        print("chat: back by position, recovered", json.dumps(chat["recovered"]), "and the missed line came", came, "time")

    deals = (await call("deals:list", {}))["reply"]["deals"]
    for deal in [one for one in deals if is_on(one["opensAtMs"], one["closesAtMs"]) and one["stock"]["free"] > 0][:1]:
        deal_id = deal["dealId"]
        stock = (await follow("deals:stock", deal_id, "state"))["state"]
        mine = await follow("deals:mine", shopper_id, "state")
        print("deal:", deal_id, "has", stock["free"], "of", stock["total"])
        lines = [{"dealId": deal_id, "quantity": 1, "terms": deal["terms"]}]
        claim = {"requestId": str(uuid.uuid4()), "lines": lines}
        claimed = await call("deals:claim", claim)
        if claimed["ok"]:
            hold_id = claimed["reply"]["holdId"]
            await until(lambda: any(hold["holdId"] == hold_id for hold in mine["state"]["holds"]))
            print("claim: held", hold_id)
        else:
            print("claim: refused", claimed.get("why", claimed.get("fault")))
        again = await post(http, "deals:claim", claim, token)
        print("claim: sent again, the answer is the same:", json.dumps(again == claimed))

    drops = (await call("redpackets:list", {}))["reply"]["drops"]
    for drop in [one for one in drops if is_on(one["opensAtMs"], one["closesAtMs"])][:1]:
        opened = await call("redpackets:open", {"requestId": str(uuid.uuid4()), "dropId": drop["dropId"]})
        if opened["ok"]:
            print("packet:", opened["reply"]["amountMinor"], "minor units of", opened["reply"]["currency"])
        else:
            print("packet: refused", opened.get("why", opened.get("fault")))

    await sio.disconnect()
    print("done")


async def main():
    async with aiohttp.ClientSession() as http:
        await evening(http)


asyncio.run(main())
