import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Sign } from './Sign.tsx';

afterEach(cleanup);

describe('the one big button', () => {
  it('does its act when it is ready, and says what follows', () => {
    const press = vi.fn();
    render(<Sign state={{ is: 'ready', title: 'Claim one for ¥199', detail: 'Held 10 minutes' }} onPress={press} />);
    const button = screen.getByRole('button', { name: 'Claim one for ¥199 Held 10 minutes' });
    fireEvent.click(button);
    expect(press).toHaveBeenCalledTimes(1);
    expect(button.getAttribute('aria-disabled')).toBeNull();
  });

  it.each([
    ['off', 'Opens at 00:00'],
    ['busy', 'Claiming'],
  ] as const)('does nothing while it is %s, keeps its reason and can still be focused', (is, title) => {
    const press = vi.fn();
    render(<Sign state={{ is, title, detail: 'why' }} onPress={press} />);
    const button = screen.getByRole('button', { name: `${title} why` });
    button.focus();
    fireEvent.click(button);
    expect(press).not.toHaveBeenCalled();
    expect(document.activeElement).toBe(button);
    expect(button.getAttribute('aria-disabled')).toBe('true');
    expect(button.hasAttribute('disabled')).toBe(false);
    expect(button.getAttribute('aria-busy')).toBe(is === 'busy' ? 'true' : null);
  });

  it('stays the same button when its state changes under the thumb', () => {
    const { rerender } = render(<Sign state={{ is: 'ready', title: 'Claim' }} onPress={() => undefined} />);
    const before = screen.getByRole('button');
    rerender(<Sign state={{ is: 'busy', title: 'Claiming' }} onPress={() => undefined} />);
    expect(screen.getByRole('button')).toBe(before);
  });
});
