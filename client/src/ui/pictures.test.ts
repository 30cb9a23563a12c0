import type { Picture } from '@elevens/shared/src/catalogue/records.ts';
import { describe, expect, it } from 'vitest';
import { brandLogo, foldOf, productPicture } from './pictures.ts';

const picture: Picture = {
  shape: 'kettle',
  tone: ['#d8472f', '#8f2018', '#ffb78c'],
  accent: '#f4bc52',
  ground: '#3a1420',
  proportion: 100,
};

describe('pictures from catalogue data', () => {
  it('are the same for the same record, and fold by its id', () => {
    expect(productPicture('kettle', picture)).toBe(productPicture('kettle', picture));
    expect(productPicture('kettle', picture)).not.toBe(productPicture('lamp-4', picture));
    for (const id of ['a', 'kettle', 'paper-lamp-no-4', 'x'.repeat(48)]) {
      expect(foldOf(id)).toBeGreaterThanOrEqual(5);
      expect(foldOf(id)).toBeLessThanOrEqual(14);
    }
  });

  it('let nothing of a record into the page but colours', () => {
    const evil = '"/><script>alert(1)</script>';
    const markup = productPicture('kettle', { ...picture, accent: evil, ground: evil, tone: [evil, evil, evil] });
    expect(markup).not.toContain('script');
    expect(brandLogo({ form: 'disc', cut: 'moon', tone: evil, on: evil })).not.toContain('script');
  });

  it('draw something for a shape that this version does not know', () => {
    expect(productPicture('thing', { ...picture, shape: 'umbrella' as Picture['shape'] })).toContain('<path');
  });
});
