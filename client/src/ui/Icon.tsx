/** The icons of the sprite, by the part of their name after `i-`. */
export type IconName =
  | 'tonight'
  | 'deals'
  | 'live'
  | 'packets'
  | 'mine'
  | 'heart'
  | 'chat'
  | 'share'
  | 'close'
  | 'check'
  | 'clock'
  | 'bell'
  | 'hold'
  | 'pin'
  | 'team'
  | 'energy'
  | 'alert'
  | 'pause'
  | 'offline'
  | 'restock'
  | 'extend'
  | 'end'
  | 'answer'
  | 'undo'
  | 'export'
  | 'right'
  | 'down'
  | 'back'
  | 'replay'
  | 'eye'
  | 'ticket'
  | 'shield'
  | 'poll'
  | 'send'
  | 'plus'
  | 'search'
  | 'mute'
  | 'rain'
  | 'more'
  | 'basket';

/** An icon beside a word. It says nothing to a screen reader: the word does. */
export function Icon({ name, className }: { name: IconName; className?: string }) {
  return (
    <svg className={className === undefined ? 'i' : `i ${className}`} aria-hidden="true">
      <use href={`#i-${name}`} />
    </svg>
  );
}

/** A drawing of the sprite that is no icon: lanterns, packets, the mark. */
export function Mark({
  name,
  className,
}: {
  name: 'mark' | 'lantern' | 'lantern-gold' | 'lantern-off' | 'tassel' | 'packet' | 'cloud' | 'med';
  className?: string;
}) {
  return (
    <svg className={className} aria-hidden="true">
      <use href={`#${name}`} />
    </svg>
  );
}
