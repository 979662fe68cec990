import { BundledPrices } from "./bundled-prices.ts";
import { loadPriceOverrides, OverriddenPrices } from "./price-overrides.ts";
import type { PriceSource } from "./price-source.ts";

/** A user's price file, read and checked at start; a Worker gets it as text. */
export interface PriceFile {
  path: string;
  jsonText: string;
}

/** The bundled prices, under the user's own where there is a file of them. */
export function pricedBy(file: PriceFile | null): PriceSource {
  const bundled = new BundledPrices();
  if (file === null) return bundled;
  return new OverriddenPrices(loadPriceOverrides(file.jsonText, file.path), bundled);
}
