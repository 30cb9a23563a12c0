import type { Viewer } from './viewer.ts';

/** What a viewer may owe, and what all of them may. Their reasons: a phone in a tunnel must not cost the others anything. */
export interface DebtBounds {
  /** Above this, state is left out of a viewer's tick: a newer one supersedes it anyway. */
  skipStateBytes: number;
  /** Above this, commands are not read: their answers would only add to the debt. */
  pauseCommandsBytes: number;
  /** Above this, the connection is cut off. */
  cutBytes: number;
  /** What all viewers of this node may owe together; above it the largest debts are cut first. */
  nodeBytes: number;
}

export const defaultBounds: DebtBounds = {
  skipStateBytes: 65_536,
  pauseCommandsBytes: 262_144,
  cutBytes: 1_048_576,
  nodeBytes: 268_435_456,
};

/**
 * Bytes that wait in this process for one viewer: on the raw socket, in ws while it compresses, in the engine's queue
 * (where answers go when the transport is busy: the raw socket alone looks quiet then), and what the tick holds for it.
 */
export function debtBytesOf(viewer: Viewer): number {
  const { conn } = viewer;
  const bytes = viewer.ownSize + (conn.transport.socket?.bufferedAmount ?? 0);
  const queue = conn.writeBuffer;
  if (queue.length === 0) return bytes;
  if (viewer.countedQueue !== queue) {
    viewer.countedQueue = queue;
    viewer.counted = 0;
    viewer.countedBytes = 0;
  }
  for (; viewer.counted < queue.length; viewer.counted++) {
    const data = queue[viewer.counted]?.data;
    if (data !== undefined) viewer.countedBytes += typeof data === 'string' ? Buffer.byteLength(data) : data.length;
  }
  return bytes + viewer.countedBytes;
}

/** Stops reading from the viewer until its debt has shrunk. Polling cannot be paused: its commands are not answered instead. */
export function pauseReading(viewer: Viewer): void {
  viewer.paused = true;
  viewer.conn.transport.socket?.pause();
}

export function resumeReading(viewer: Viewer): void {
  viewer.paused = false;
  viewer.conn.transport.socket?.resume();
}

/**
 * Ends the connection without waiting for its queue: an orderly close would wait for the very bytes that are not being
 * read, and hold them in memory meanwhile.
 */
export function cutOff(viewer: Viewer): void {
  const ws = viewer.conn.transport.socket;
  if (ws === undefined) viewer.conn.close(true);
  else ws.terminate();
}
