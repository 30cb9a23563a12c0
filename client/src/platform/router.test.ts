import { describe, expect, it } from 'vitest';
import { routeOf } from './router.tsx';

describe('addresses of the storefront', () => {
  it('lead to their pages, occurrences included', () => {
    expect(routeOf('/')).toEqual({ page: 'tonight' });
    expect(routeOf('/deals')).toEqual({ page: 'deals' });
    expect(routeOf('/deals/kettle~12')).toEqual({ page: 'deal', id: 'kettle~12' });
    expect(routeOf('/deals/kettle%7E12/')).toEqual({ page: 'deal', id: 'kettle~12' });
    expect(routeOf('/live/folding')).toEqual({ page: 'live', id: 'folding' });
    expect(routeOf('/packets/rain~3')).toEqual({ page: 'packet', id: 'rain~3' });
    expect(routeOf('/mine/')).toEqual({ page: 'mine' });
    expect(routeOf('/pay/y0.aB_cdef-12')).toEqual({ page: 'pay', id: 'y0.aB_cdef-12' });
    expect(routeOf('/order/o12.aB_cdef-12')).toEqual({ page: 'order', id: 'o12.aB_cdef-12' });
  });

  it('that are none say so, instead of showing some page', () => {
    for (const path of [
      '/deals/<b>',
      '/deals/a/b',
      '/admin',
      '/deals/%E0%A4%A',
      '/pay/o0.abcdefgh',
      '/order/o0.<b>',
      '/pay',
    ])
      expect(routeOf(path)).toEqual({ page: 'nowhere' });
  });
});
