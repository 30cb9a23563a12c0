import { type Frames, packetHead, statePacket } from './frames.ts';

export interface StateInit {
  /** The wire name of the feed, `deals:stock`. */
  event: string;
  id: string;
  /** The opaque position that a client is given for a version. */
  positionOf: (version: number) => string;
}

/** The latest of something, and the packet that brings a viewer to it: what changed for most, everything for the rest. */
export function createStateCell(init: StateInit) {
  const head = packetHead(init.event, init.id);
  let version = Number.NEGATIVE_INFINITY;
  let full: object = {};
  /** What changed since the version that is shown. */
  let changed: object = {};
  let shown = Number.NEGATIVE_INFINITY;
  let shownBefore = Number.NEGATIVE_INFINITY;
  let shownFull: object = {};
  let shownChanged: object = {};
  let fullFrames: Frames | undefined;
  let changedFrames: Frames | undefined;

  function framesOf(state: object): Frames {
    const text = statePacket(head, init.positionOf(shown), JSON.stringify(state));
    return { texts: [text], to: shown, size: text.length, deliveries: 1, usedIn: 0, joined: undefined };
  }

  /** Takes a newer version. One that is not newer is old news and changes nothing. */
  function set(newVersion: number, newFull: object, newChanged: object): boolean {
    if (newVersion <= version) return false;
    version = newVersion;
    full = newFull;
    changed = { ...changed, ...newChanged };
    return true;
  }

  function show(): void {
    if (shown === version) return;
    shownBefore = shown;
    shown = version;
    shownFull = full;
    shownChanged = changed;
    changed = {};
    fullFrames = undefined;
    changedFrames = undefined;
  }

  /** A viewer who was skipped is sent the full state, not the changes it could not apply. */
  function framesAfter(position: number): Frames | undefined {
    if (position >= shown) return undefined;
    if (position === shownBefore) {
      changedFrames ??= framesOf(shownChanged);
      return changedFrames;
    }
    fullFrames ??= framesOf(shownFull);
    return fullFrames;
  }

  function forgetFrames(): void {
    fullFrames = undefined;
    changedFrames = undefined;
  }
  return { set, show, shownTo: () => shown, framesAfter, forgetFrames };
}
