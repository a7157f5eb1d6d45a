# The `filter` calls of contacts and conversations: exact and partial matches on a fixed list of keys (facts 8).
# Traps: an unknown key is an error, and every entry but the last must say how it goes on: AND or OR.
class FilterService
  class Invalid < StandardError; end

  OPERATORS = { 'equal_to' => 'IN (?)', 'not_equal_to' => 'NOT IN (?)', 'contains' => 'ILIKE ?', 'does_not_contain' => 'NOT ILIKE ?',
                'is_present' => 'IS NOT NULL', 'is_not_present' => 'IS NULL' }.freeze

  # `columns` maps a key to its column; `numbers` maps a key to what its words stand for.
  def initialize(scope, entries, columns:, numbers: {})
    @scope = scope
    @entries = Array(entries)
    @columns = columns
    @numbers = numbers
  end

  def perform
    sql = ''
    values = []
    @entries.each_with_index do |entry, place|
      sql += "#{column(entry)} #{operator(entry)}"
      values << value(entry) if operator(entry).include?('?')
      sql += " #{connective(entry)} " unless place == @entries.size - 1
    end
    @entries.empty? ? @scope : @scope.where(sql, *values)
  end

  private

  def column(entry)
    @columns[entry[:attribute_key]] ||
      raise(Invalid, "Invalid attribute key - [#{entry[:attribute_key]}]. The key should be one of [#{@columns.keys.join(',')}] " \
                     'or a custom attribute defined in the account.')
  end

  def operator(entry)
    OPERATORS[entry[:filter_operator]] || raise(Invalid, "Invalid operator. The allowed operators are [#{OPERATORS.keys.join(',')}].")
  end

  def connective(entry)
    # Trap (facts 15): where it is missing this is nil, and the answer 500.
    given = entry[:query_operator].upcase
    %w[AND OR].include?(given) ? given : raise(Invalid, 'Query operator must be either "AND" or "OR".')
  end

  def value(entry)
    given = Array(entry[:values]).map { |one| @numbers.dig(entry[:attribute_key], one) || one }
    given = given.map { |one| "+#{one.to_s.delete('+')}" } if entry[:attribute_key] == 'phone_number' && operator(entry).include?('IN')
    operator(entry).include?('ILIKE') ? "%#{given.first}%" : given
  end
end
