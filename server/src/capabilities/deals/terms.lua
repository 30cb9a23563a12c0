-- What decides about a deal, beside its stock: "<version> <limit> <opens> <closes> <price> <currency> <hold ms> <early>" as one
-- text, so that a claim reads it at once. early: '-', or for each tier "<energy wanted>:<opens>:<price>" joined by commas.
-- Field t is what holds now; nt replaces it from na on (a change takes effect at a stated moment, CONSISTENCY.md 5).

local function parse_terms(text)
  local version, limit, opens, closes, price, currency, hold_ms, early = string.match(text,
    '^(%d+) (%d+) (%d+) (%d+) (%d+) (%S+) (%d+) (%S+)$')
  local terms = { version = version, limit = tonumber(limit), opens = tonumber(opens), opens_text = opens, closes = tonumber(closes),
    closes_text = closes, price = price, currency = currency, hold_ms = tonumber(hold_ms), early = nil }
  if early ~= '-' then
    terms.early = {}
    for energy, at, minor in string.gmatch(early, '(%d+):(%d+):(%d+)') do
      terms.early[#terms.early + 1] = { energy = tonumber(energy), opens = tonumber(at), price = minor }
    end
  end
  return terms
end

-- The terms of a deal for what arrived at `stamp`. `deal` caches both texts, parsed.
local function terms_at(deal, stamp)
  if deal.next_at and stamp >= deal.next_at then
    deal.next = deal.next or parse_terms(deal.next_text)
    return deal.next
  end
  deal.now = deal.now or parse_terms(deal.now_text)
  return deal.now
end
