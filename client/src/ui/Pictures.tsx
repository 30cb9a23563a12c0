import type { Brand, Product } from '@elevens/shared/src/catalogue/records.ts';
import { memo, useMemo } from 'react';
import { brandLogo, productCutout, productMedallion, productPicture } from './pictures.ts';

/** The markup comes from pictures.ts alone, which lets nothing of a record through but colours it has checked and numbers. */
function Drawn({
  markup,
  viewBox,
  label,
  className,
}: {
  markup: string;
  viewBox: string;
  label?: string | undefined;
  className?: string | undefined;
}) {
  return (
    <svg
      className={className}
      viewBox={viewBox}
      {...(label === undefined ? { 'aria-hidden': true } : { role: 'img', 'aria-label': label })}
      // oxlint-disable-next-line react/no-danger -- see above
      dangerouslySetInnerHTML={{ __html: markup }}
    />
  );
}

export const ProductPicture = memo(function ProductPicture({
  product,
  className,
}: {
  product: Pick<Product, 'id' | 'picture'>;
  className?: string;
}) {
  const markup = useMemo(() => productPicture(product.id, product.picture), [product]);
  return <Drawn markup={markup} viewBox="0 0 240 240" className={className} />;
});

/** The thing alone. `label` makes it an image with a name; without one it is an ornament beside its name. */
export const ProductCutout = memo(function ProductCutout({
  product,
  className,
  label,
}: {
  product: Product;
  className?: string;
  label?: string;
}) {
  const markup = useMemo(() => productCutout(product.picture), [product]);
  return <Drawn markup={markup} viewBox="0 0 240 240" className={className} label={label} />;
});

export const ProductMedallion = memo(function ProductMedallion({
  product,
  className,
}: {
  product: Product;
  className?: string;
}) {
  const markup = useMemo(() => productMedallion(product.id), [product.id]);
  return <Drawn markup={markup} viewBox="0 0 240 240" className={className} />;
});

export const BrandLogo = memo(function BrandLogo({
  brand,
  className,
}: {
  brand: Pick<Brand, 'logo'>;
  className?: string;
}) {
  const markup = useMemo(() => brandLogo(brand.logo), [brand]);
  return <Drawn markup={markup} viewBox="0 0 48 48" className={className} />;
});
