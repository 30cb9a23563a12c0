import { cleanup, render, screen } from '@testing-library/react';
import { afterEach, describe, expect, it } from 'vitest';
import { CountdownLanterns } from './CountdownLanterns.tsx';

afterEach(cleanup);
const units = { hours: 'hours', minutes: 'min', seconds: 'sec' };
const show = (leftMs: number | null) => {
  const { container } = render(<CountdownLanterns leftMs={leftMs} label="Doors open in a while" units={units} />);
  return {
    digits: [...container.querySelectorAll('.lan b')].map((b) => b.textContent).join(''),
    units: [...container.querySelectorAll('.u')].map((u) => u.textContent),
    timer: screen.getByRole('timer', { name: 'Doors open in a while' }),
  };
};

describe('the countdown on four lanterns', () => {
  it('shows minutes and seconds below a hundred minutes', () => {
    expect(show(47 * 60_000 + 19_000)).toMatchObject({ digits: '4719', units: ['min', 'sec'] });
  });
  it('shows hours and minutes above', () => {
    expect(show(5 * 3_600_000 + 7 * 60_000)).toMatchObject({ digits: '0507', units: ['hours', 'min'] });
  });
  it('flares in the last ten seconds and not after', () => {
    expect(show(9_500).timer.className).toBe('clock flare');
    cleanup();
    expect(show(0).timer.className).toBe('clock');
  });
  it('hangs unlit while the time is not known, rather than guess', () => {
    const { digits, timer } = show(null);
    expect(digits).toBe('');
    expect(timer.querySelectorAll('.out')).toHaveLength(4);
  });
});
