interface StockBarProps {
  total: number;
  free: number;
  held: number;
  /** Barred while the shop has paused it. */
  paused?: boolean;
  label: string;
  thin?: boolean;
}

/** Red is free to claim, gold is held and may come back, the rest is gone. */
export function StockBar({ total, free, held, paused = false, label, thin = false }: StockBarProps) {
  const share = (units: number): string => `${total === 0 ? 0 : Math.min(100, (units / total) * 100)}%`;
  const kind = paused ? ' paused' : free === 0 ? ' empty' : '';
  return (
    <div
      className={`stockbar${kind}${thin ? ' thin' : ''}`}
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={total}
      aria-valuenow={free}
    >
      <i className="heldpart" style={{ width: share(free + held) }} />
      <i style={{ width: share(free) }} />
    </div>
  );
}
