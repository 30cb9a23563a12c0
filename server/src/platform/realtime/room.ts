import type { Frames } from './frames.ts';
import type { Viewer } from './viewer.ts';

/** What the tick asks of a room, of whichever kind. */
export interface Room {
  readonly key: string;
  readonly kind: 'log' | 'state';
  readonly members: Set<Viewer>;
  /** Begins a cycle: from now on viewers are shown what has come up to this moment, and nothing later. */
  show(): void;
  /** What a viewer at this position lacks of what is shown: nothing, some packets, or more than is still held. */
  framesAfter(position: number): Frames | 'behind' | undefined;
  /** The position of a viewer who lacks nothing. */
  shownTo(): number;
  /** Lets go of the packets built in this cycle. */
  forgetFrames(): void;
}

/** Puts the viewer into the room at this position. A viewer who is already in it is moved. */
export function enterRoom(room: Room, viewer: Viewer, position: number): void {
  viewer.rooms ??= [];
  viewer.positions ??= [];
  const at = viewer.rooms.indexOf(room);
  if (at >= 0) viewer.positions[at] = position;
  else {
    viewer.rooms.push(room);
    viewer.positions.push(position);
    room.members.add(viewer);
  }
}

export function leaveRoom(room: Room, viewer: Viewer): void {
  room.members.delete(viewer);
  const at = viewer.rooms?.indexOf(room) ?? -1;
  if (at < 0) return;
  viewer.rooms?.splice(at, 1);
  viewer.positions?.splice(at, 1);
}
