# The super admin's sign-in page. Only the page; nothing behind it is part of the double.
class SuperAdmin::SessionsController < ApplicationController
  def new; end
end
