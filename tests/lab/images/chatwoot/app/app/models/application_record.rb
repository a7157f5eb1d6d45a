# Base of all models. It refuses a string column over 255 characters and a text column over 20,000, unless the model
# has a length rule of its own for that column (facts 7): a long WhatsApp name is a 422.
class ApplicationRecord < ActiveRecord::Base
  self.abstract_class = true

  LIMITS = { string: 255, text: 20_000 }.freeze

  validate :column_lengths

  private

  def column_lengths
    self.class.columns.each do |column|
      limit = LIMITS[column.type]
      value = limit && self[column.name]
      next unless value.is_a?(String) && value.length > limit
      next if self.class.validators_on(column.name).any?(ActiveModel::Validations::LengthValidator)

      errors.add(column.name, :too_long, count: limit)
    end
  end
end
